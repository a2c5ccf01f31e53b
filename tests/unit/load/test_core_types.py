"""Plain scalars mean what YAML 1.2's core schema says, and nothing of 1.1."""

import pytest

from mlops_spec.load.core_types import Unusable, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("12:30", "12:30"), ("1_000", "1_000"),
        ("2013-01-01", "2013-01-01"), ("010", 10), ("0o10", 8), ("0x1F", 31), ("-7", -7),
        ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("true", True), ("False", False),
        ("tRue", "tRue"),
        ("~", None), ("", None), ("null", None), ("5%", "5%"), ("1.2.3", "1.2.3"), ("٣", "٣"),
    ],
)  # fmt: skip
def test_a_scalar_has_one_meaning(text: str, value: object) -> None:
    assert (resolve(text), type(resolve(text))) == (value, type(value))


@pytest.mark.parametrize("text", [".nan", ".inf", "-.INF", "1e999", "9" * 30, "9" * 5000])
def test_a_number_that_no_field_can_take_is_refused(text: str) -> None:
    assert isinstance(resolve(text), Unusable)
