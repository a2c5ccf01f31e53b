"""Verdicts as rows of a table, and as words; every view shows them alike."""

from __future__ import annotations

from rich.markup import escape

from mlops_spec.terms.verdict import Outcome, Verdict

COLOURS = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "red"}


def outcome(found: Outcome) -> str:
    """The outcome in its colour, with rich markup."""
    return f"[{COLOURS.get(found, 'yellow')}]{found.upper()}[/]"


def cells(verdict: Verdict) -> tuple[str, str, str, str, str, str]:
    """check, outcome, estimate, interval, n, limit with the reason: with rich markup."""
    needs = "" if verdict.n_enough is None or verdict.outcome is Outcome.PASS else (
        f"  needs about {verdict.n_enough:,}"
    )  # fmt: skip
    reason = f"  [dim]{escape(verdict.reason)}[/]" if verdict.reason else ""
    return (
        escape(verdict.check),
        outcome(verdict.outcome),
        _number(verdict.estimate),
        _interval(verdict),
        f"n={verdict.n:,}",
        f"{escape(verdict.limit)}{needs}{reason}",
    )


def brief(verdict: Verdict) -> str:
    """Check, outcome and estimate with its upper end, in a few words."""
    upper = "" if verdict.high is None else f" ≤ {_number(verdict.high)}"
    said = f"{outcome(verdict.outcome)} {_number(verdict.estimate)}[dim]{upper}[/]"
    return f"{escape(verdict.check)} {said}"


def _interval(verdict: Verdict) -> str:
    if verdict.low is None and verdict.high is None:
        return ""
    return rf"\[{_number(verdict.low) or '-∞'}, {_number(verdict.high) or '∞'}]"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
