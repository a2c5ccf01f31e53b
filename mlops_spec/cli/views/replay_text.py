"""A gate replay as a person reads it: the sentence, then a line a candidate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.markup import escape

from mlops_spec.cli.views.text import printable
from mlops_spec.cli.views.verdicts import COLOURS
from mlops_spec.runtime.gates.replay import Replayed, name_of, summary
from mlops_spec.terms.verdict import Outcome


def replay_lines(replayed: Sequence[Replayed]) -> Iterator[str]:
    """What the changed gates would have meant, with rich markup."""
    yield f"    [yellow]↻[/] {_plain(summary(replayed))}"
    width = max(len(name_of(one)) for one in replayed)
    for one in replayed:
        yield f"      {name_of(one):<{width}}  [dim]{_day(one.at)}[/]  {_then_and_now(one)}"
        yield from (f"        [dim]{_plain(flip.line)}[/]" for flip in one.flips if flip.line)


def _then_and_now(one: Replayed) -> str:
    if not one.after:
        return f"{_word(one.before)} → [yellow]cannot be told[/]: {_plain('; '.join(one.untold))}"
    if one.before == one.after:
        return f"{_word(one.before)}, as before"
    return f"{_word(one.before)} → {_word(one.after)}"


def _word(outcome: str) -> str:
    known = outcome in tuple(Outcome)
    colour = COLOURS.get(Outcome(outcome), "yellow") if known else "yellow"
    return f"[{colour}]{_plain(outcome) or 'unknown'}[/]"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}" if at else "          "


def _plain(text: str) -> str:
    return escape(printable(text))
