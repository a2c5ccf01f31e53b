"""A gate self-test at a glance: what holds, a row for every mutant, what to add."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mlops_spec.runtime.gates.selftest.report import Claim, SelfTest, Trial

_FATES: Final = {
    "killed": "[green]✓ stopped[/]",
    "survived": "[red]✗ survived[/]",
    "allowed": "[yellow]· within limits[/]",
    "below": "[dim]· does not show[/]",
    "untold": "[dim]· cannot be told[/]",
}
_MARKS: Final = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}
_ROLES: Final = {"production": "in production", "newest": "the newest that was gated"}


def print_selftest(found: SelfTest, out: Console) -> None:
    """Headline, claims, mutants, then the sum of it."""
    out.print(
        f"[bold]{escape(found.model)}[/]  gates tested on run {found.run}, "
        f"{_ROLES[found.role]}  [dim]{found.rows:,} held-out rows[/]"
    )
    for line in (*_claims(found.claims), *_untested(found)):
        out.print(line, soft_wrap=True)
    out.print()
    out.print(_table(found.trials))
    out.print()
    for line in _sum(found):
        out.print(line, soft_wrap=True)


def _claims(claims: tuple[Claim, ...]) -> Iterator[str]:
    if not claims:
        yield "  [yellow]?[/] no rule compares with production, so that there is no A/A to test"
    for claim in claims:
        yield f"  {_MARKS[claim.holds]} {escape(claim.check)}: {escape(claim.said)}"


def _untested(found: SelfTest) -> Iterator[str]:
    for line in found.untested:
        yield f"  [yellow]![/] not even the recorded model passes {escape(line)}"


def _table(trials: tuple[Trial, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("mutant", "strength"):
        table.add_column(name, no_wrap=True)
    for name in ("harm", "shows from"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("of", no_wrap=True)
    table.add_column("gates", no_wrap=True)
    table.add_column("by", overflow="fold")
    before = ""
    for trial in trials:
        named = f"{trial.mutant}, {trial.where}"
        told = escape(named) if named != before else ""
        before = named
        table.add_row(told, trial.strength, *_effect(trial), _FATES[trial.fate], _by(trial))
    return table


def _effect(trial: Trial) -> tuple[str, str, str]:
    effect = trial.effect
    return _number(effect.harm), _number(effect.detectable), f"[dim]{escape(effect.of)}[/]"


def _by(trial: Trial) -> str:
    shown = ", ".join(trial.by[:2])
    more = f" +{len(trial.by) - 2}" if len(trial.by) > 2 else ""
    return f"[dim]{escape(shown)}{more}[/]"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.3g}"


def _sum(found: SelfTest) -> Iterator[str]:
    if found.kill_rate is None:
        yield "[red]no mutant has done harm that these rows can show: the test says nothing[/]"
        return
    colour = "green" if found.killed == found.detectable else "red"
    rate = f"{found.killed} of {found.detectable} mutants that harm were stopped"
    others = (
        ("allowed", "within the limits"), ("below", "too weak to show"), ("untold", "not told"),
    )  # fmt: skip
    counts = [(sum(t.fate == fate for t in found.trials), words) for fate, words in others]
    rest = ", ".join(f"{number} {words}" for number, words in counts if number)
    yield f"[{colour}]kill rate {found.kill_rate:.0%}[/]: {rate}{'; ' if rest else ''}{rest}"
    yield from (f"  [yellow]→[/] {escape(line)}" for line in found.advice)
