"""A gate self-test at a glance: what holds, a row for every mutant, what to add."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.markup import escape

from mlops_spec.runtime.gates.selftest.report import Claim, SelfTest, Trial

_FATES: Final = {
    "killed": ("green", "✓ stopped"),
    "survived": ("red", "✗ survived"),
    "allowed": ("yellow", "· within limits"),
    "below": ("dim", "· too weak"),
    "untold": ("dim", "· not told"),
}
_MARKS: Final = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}
_ROLES: Final = {"production": "in production", "newest": "the newest that was gated"}


def print_selftest(found: SelfTest, out: Console) -> None:
    """Headline, claims, mutants, then the sum of it."""
    out.print(
        f"[bold]{escape(found.model)}[/]  gates tested on run {found.run}, "
        f"{_ROLES[found.role]}  [dim]{_rows(found)}[/]"
    )
    for line in (*_claims(found.claims), *_untested(found)):
        out.print(line, soft_wrap=True)
    out.print()
    for line in _mutants(found.trials):
        out.print(line, no_wrap=True, overflow="ellipsis")
    out.print()
    for line in _sum(found):
        out.print(line, soft_wrap=True)


def _rows(found: SelfTest) -> str:
    of = f" of {found.held_out:,}" if found.rows < found.held_out else ""
    return f"{found.rows:,}{of} held-out rows"


def _claims(claims: tuple[Claim, ...]) -> Iterator[str]:
    if not claims:
        yield "  [yellow]?[/] no rule compares with production, so that there is no A/A to test"
    for claim in claims:
        yield f"  {_MARKS[claim.holds]} {escape(claim.check)}: {escape(claim.said)}"


def _untested(found: SelfTest) -> Iterator[str]:
    for line in found.untested:
        yield f"  [yellow]![/] not tested, as the model itself does not pass it: {escape(line)}"
    for line in found.untried:
        yield f"  [yellow]![/] not tried: {escape(line)}"


def _mutants(trials: tuple[Trial, ...]) -> Iterator[str]:
    """A heading for every breed of mutants and a line for each; columns stand under each other."""
    yield f"[dim]{'':18}{'harm':>8}  {'shows from':>10}  {'the gates':15}  by[/]"
    for (mutant, where, of), litter in groupby(trials, _breed):
        yield f"[bold]{escape(mutant)}[/], {escape(where)}  [dim]harm in {escape(of)}[/]"
        yield from map(_line, litter)


def _line(trial: Trial) -> str:
    effect, (mark, fate) = trial.effect, _FATES[trial.fate]
    return (
        f"  {escape(trial.strength):16}{_number(effect.harm):>8}  "
        f"[dim]{_number(effect.detectable):>10}[/]  [{mark}]{fate:15}[/]  [dim]{_by(trial)}[/]"
    )


def _breed(trial: Trial) -> tuple[str, str, str]:
    return trial.mutant, trial.where, trial.effect.of.removesuffix(f" in {trial.where}")


def _by(trial: Trial) -> str:
    more = f" +{len(trial.by) - 1}" if len(trial.by) > 1 else ""
    return f"{escape(trial.by[0])}{more}" if trial.by else ""


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.3g}"


def _sum(found: SelfTest) -> Iterator[str]:
    if found.kill_rate is None:
        yield "[red]no mutant has done harm that these rows can show: the test says nothing[/]"
        return
    harmful = len(found.harmful)
    colour = "green" if found.killed == harmful else "red"
    rate = f"{found.killed} of {harmful} mutants whose harm shows were stopped"
    others = (
        ("allowed", "within the limits"), ("below", "too weak to show"), ("untold", "not told"),
    )  # fmt: skip
    counts = [(sum(_counted(t) == fate for t in found.trials), words) for fate, words in others]
    rest = ", ".join(f"{number} {words}" for number, words in counts if number)
    yield f"[{colour}]kill rate {found.kill_rate:.0%}[/]: {rate}{'; ' if rest else ''}{rest}"
    if not any(trial.damage == "quality" for trial in found.harmful):
        yield "[red]not even the loss of all quality shows on these rows: nothing is proven[/]"
    yield from (f"  [yellow]→[/] {escape(line)}" for line in found.advice)


def _counted(trial: Trial) -> str:
    """A mutant that was stopped, though its harm does not show, proves nothing of the gates."""
    if trial.fate == "killed" and not trial.effect.is_detectable:
        return "untold" if trial.effect.harm is None else "below"
    return trial.fate
