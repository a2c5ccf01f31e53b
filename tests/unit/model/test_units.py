"""A unit is parsed once and printed one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_spec.model.names import identifier
from mlops_spec.model.units import Duration, Margin, Rate, Share


@pytest.mark.parametrize(
    ("unit", "text", "printed"),
    [
        (Duration, "90s", "90s"), (Duration, "60s", "1m"), (Duration, "7d", "1w"),
        (Duration, "0.5s", "500ms"), (Duration, "0s", "0ms"), (Share, "0.5%", "0.5%"),
        (Share, "5.0%", "5%"), (Margin, "3pp", "3pp"), (Margin, "2.50%", "2.5%"),
        (Rate, "4/month", "4/month"),
    ],
)  # fmt: skip
def test_a_unit_prints_its_canonical_text(unit: type, text: str, printed: str) -> None:
    assert str(unit.parse(text)) == printed


@pytest.mark.parametrize(
    ("unit", "text"),
    [(Duration, "5"), (Duration, "-5s"), (Duration, "5 s"), (Share, "5"), (Share, "101%"),
     (Share, "nan%"), (Margin, "3"), (Margin, "3 pp"), (Rate, "4/year"), (Rate, "1.5/d")],
)  # fmt: skip
def test_what_is_not_the_unit_says_what_is(unit: type, text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is more than"):
        unit.parse(text)


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h", "d", "w"]))
def test_a_printed_duration_is_read_back_the_same(count: int, unit: str) -> None:
    duration = Duration.parse(f"{count}{unit}")

    assert Duration.parse(str(duration)).seconds == pytest.approx(duration.seconds)


@given(st.integers(0, 10000))
def test_a_printed_share_is_read_back_the_same(hundredths: int) -> None:
    share = Share(hundredths / 10000)

    assert Share.parse(str(share)).value == pytest.approx(share.value)


def test_a_column_comes_to_a_python_name() -> None:
    names = ["Wind speed (mph)", "rain", "Rain", "Größe", "a-b"]

    assert [identifier(name) for name in names] == [
        "wind_speed_mph", "rain", "Rain", "Größe", "a_b",
    ]  # fmt: skip
