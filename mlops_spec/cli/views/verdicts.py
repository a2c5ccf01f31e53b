"""Verdicts as rows of a table, and as words; every view shows them alike."""

from __future__ import annotations

from rich.markup import escape

from mlops_spec.terms.verdict import Outcome, Verdict

_MARKS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.ERROR: "✗"}
COLOURS = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "red"}


def outcome(found: Outcome) -> str:
    """The outcome in its colour, with rich markup."""
    return f"[{COLOURS.get(found, 'yellow')}]{found.upper()}[/]"


def row(verdict: Verdict) -> tuple[str, str, str, str, str]:
    """What was asked, a mark, estimate, interval, n: with rich markup, within 66 columns."""
    limit = escape(verdict.limit.replace(" ", ""))
    return (
        f"{escape(verdict.check)} [dim]{limit}[/]",
        _mark(verdict),
        _estimate(verdict, ".3g"),
        _interval(verdict),
        f"n={verdict.n:,}",
    )


def because(verdict: Verdict) -> str:
    """Why a verdict is no pass, and what would have been enough; empty for a pass."""
    if verdict.outcome is Outcome.PASS:
        return ""
    enough = f"about {verdict.n_enough:,} would decide" if verdict.n_enough is not None else ""
    parts = (verdict.outcome.replace("_", " "), verdict.reason, enough)
    return ", ".join(part for part in parts if part)


def brief(verdict: Verdict) -> str:
    """Check, mark and estimate, such as `errors ✓ 0.004`, with rich markup."""
    estimate = _estimate(verdict, ".2g")
    return f"{escape(verdict.check)} {_mark(verdict)} {estimate}".rstrip()


def _mark(verdict: Verdict) -> str:
    colour = COLOURS.get(verdict.outcome, "yellow")
    return f"[{colour}]{_MARKS.get(verdict.outcome, '?')}[/]"


def _estimate(verdict: Verdict, form: str) -> str:
    """The estimate with its unit; nothing for what is not known."""
    if verdict.estimate is None:
        return ""
    return f"{verdict.estimate:{form}} {verdict.unit}".rstrip()


def _interval(verdict: Verdict) -> str:
    if verdict.low is None and verdict.high is None:
        return ""
    return rf"\[{_number(verdict.low) or '-∞'}, {_number(verdict.high) or '∞'}]"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
