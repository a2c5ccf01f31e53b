"""A verdict as text: an estimate that is counted in something says in what."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from mlops_spec.cli.views.verdicts import brief, row
from mlops_spec.runtime.card.decision import _row
from mlops_spec.terms.verdict import Outcome, Verdict

LATENCY = Verdict("latency p99", Outcome.PASS, 0.02469, 0.02432, 0.02516, 19_999, "≤ 20 ms")
SKILL = Verdict("skill", Outcome.PASS, 0.138, 0.128, 0.147, 22_809, "≥ 0")
UNKNOWN = replace(LATENCY, outcome=Outcome.NO_DATA, estimate=None, low=None, high=None)


@pytest.mark.parametrize(
    ("limit", "unit"),
    [
        ("≤ 20 ms", "ms"), ("0.25 s", "s"), ("≤ 5 MB", "MB"), ("24 h", "h"),
        ("", ""), ("≤ +0.1", ""), ("at least 0.8", ""), ("≤ 3 candidates", ""), ("5% drop", ""),
    ],
)  # fmt: skip
def test_the_unit_is_that_of_the_limit(limit: str, unit: str) -> None:
    assert Verdict("check", Outcome.PASS, 1.0, limit=limit).unit == unit


def test_the_unit_stands_behind_the_estimate_in_a_line() -> None:
    said = "latency p99: PASS  0.02469 ms  [0.02432, 0.02516]  n=19999  limit ≤ 20 ms"
    assert LATENCY.line() == said
    assert UNKNOWN.line() == "latency p99: NO_DATA  n=19999  limit ≤ 20 ms"


def test_the_unit_stands_behind_the_estimate_in_the_summary() -> None:
    assert row(LATENCY)[2:4] == ("0.0247 ms", r"\[0.0243, 0.0252]")
    assert row(SKILL)[2:4] == ("0.138", r"\[0.128, 0.147]")
    assert row(UNKNOWN)[2:4] == ("", "")
    assert brief(replace(LATENCY, check="p99", limit="0.25 s")) == "p99 [green]✓[/] 0.025 s"
    assert brief(UNKNOWN) == "latency p99 [yellow]?[/]"


@pytest.mark.parametrize(
    ("verdict", "said"), [(LATENCY, "0.02469 ms"), (SKILL, "0.138"), (UNKNOWN, "–")]
)
def test_the_unit_stands_behind_the_estimate_on_the_card(verdict: Verdict, said: str) -> None:
    found = re.search(r'<div class="value"><b>(.*?)</b>', _row(verdict))
    assert found is not None
    assert unescape(re.sub("<[^>]*>", "", found[1])) == said
