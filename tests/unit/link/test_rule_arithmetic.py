"""Closed forms and small grammars inside of rules."""

import pytest

from mlops_spec.link.rules import RULES
from mlops_spec.link.rules.places import _reaches_out
from mlops_spec.link.rules.power.canary import requests_to_bound
from mlops_spec.link.rules.power.margins import rows_for_margin
from mlops_spec.link.rules.schedules import mistake_in


def test_a_99th_percentile_takes_299_answers_at_95_percent() -> None:
    assert requests_to_bound(0.99, 0.95) == 299
    assert 0.99**299 <= 0.05 < 0.99**298


def test_half_a_point_takes_about_25000_rows() -> None:
    # (1.6449 + 0.8416)^2 * 0.1 / 0.005^2
    assert rows_for_margin(0.005, 0.95) == 24731


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "*/5 0-6,22 1,15 jan-mar mon", "0 3 * * 1", "59 23 31 12 7", "0-30/10 * * * SUN"],
)
def test_cron_that_is_right_has_no_mistake(text: str) -> None:
    assert mistake_in(text) == ""


@pytest.mark.parametrize(
    "text",
    ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
     "5-1 * * * *", "a * * * *", ", * * * *", "- * * * *", "٣ * * * *", "1/ * * * *"],
)  # fmt: skip
def test_cron_that_is_wrong_is_named(text: str) -> None:
    assert mistake_in(text) != ""


@pytest.mark.parametrize("path", ["data/trips.csv", "data/*/[ab].parquet", "./data/a..b.csv"])
def test_a_path_below_the_project_is_taken(path: str) -> None:
    assert _reaches_out(path) == ""


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x", "data/../../x", "~/x", "~root/x", "C:\\x", "\\\\host\\x",
     "a\\..\\..\\x",
     "s3://bucket/x", "file:///etc/passwd", "data/\x1b[31m"],
)  # fmt: skip
def test_a_path_out_of_the_project_is_refused(path: str) -> None:
    assert _reaches_out(path) != ""


def test_every_rule_says_which_code_it_gives() -> None:
    assert all((rule.__doc__ or "").startswith("MLS3") for rule in RULES)
