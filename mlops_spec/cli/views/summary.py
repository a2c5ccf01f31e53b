"""The last screen: what was trained, every verdict, what the rollout saw, where things are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mlops_spec.apply.look import standing_of
from mlops_spec.apply.site import Site
from mlops_spec.cli.views.steps import count
from mlops_spec.cli.views.text import printable
from mlops_spec.cli.views.verdicts import because, brief, outcome, row
from mlops_spec.model.project import LinkedModel
from mlops_spec.observe.story import Seen, Story, tell_story
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Retraining, Window
from mlops_spec.state.fallback import fallback_line
from mlops_spec.targets.platform import addresses
from mlops_spec.targets.programs import grpc_address
from mlops_spec.terms.open_inference import MODEL_METADATA
from mlops_spec.terms.verdict import Outcome, Verdict


def stories(site: Site, only: str = "") -> tuple[Story, ...]:
    """The story of what the specs ask for, or of what is live, for every model or `only` one."""
    return tuple(
        tell_story(site.store, site.environment, model.name, _wanted_run(site, model))
        for model in site.project.models
        if only in ("", model.name)
    )


def _wanted_run(site: Site, model: LinkedModel) -> str | None:
    """None, so that what is live is told, where nobody can say now which rows are asked for.

    What a flow has done does not fail by that: it may know a database that this shell does not.
    """
    try:
        return standing_of(site, model).run
    except Refusal:
        return None


def summary_json(site: Site, only: str = "") -> list[dict[str, Any]]:
    """The same for machines."""
    return [story.to_json() for story in stories(site, only)]


def print_summary(site: Site, out: Console, only: str = "") -> None:
    """About ten lines a model, then where everything is. `only`: a model's name."""
    told = stories(site, only)
    for story in told:
        out.print()
        out.print(_headline(story))
        for line in trained_lines(story):
            out.print(line, soft_wrap=True)
        if story.gate:
            out.print(_gate_table(story.gate))
            for line in _objections(story.gate):
                out.print(line, soft_wrap=True)
        rollout = [seen for seen in story.rollout if not seen.skipped]
        if rollout:
            out.print(_rollout_table(rollout))
        for line in _watched(story):
            out.print(line, soft_wrap=True)
    out.print()
    for name, place in _places(site, told):
        out.print(f"{_label(name)}{place}", soft_wrap=True)


def _label(name: str) -> str:
    """The first column of every line; a model's long name pushes its own line only."""
    return f"  [dim]{escape(name):<10}[/] "


def _headline(story: Story) -> str:
    live = story.live
    if live is None:
        return f"[bold]{story.model}[/]  nothing is live"
    text = f"[bold]{story.model}[/]  [green]version {live.version} is live[/]"
    if story.run != live.run:
        return f"{text}; run {story.run} is not: its verdicts are below"
    return f"{text}  [dim]release {live.release}[/]"


def trained_lines(story: Story) -> Iterator[str]:
    """Which estimator, on how many rows; a warning where scikit-learn answers itself."""
    found = story.trained
    if found:
        estimator = str(found["estimator"]).rpartition(".")[2]
        yield f"{_label('trained')}{escape(estimator)}"
        yield (
            f"{_label('')}on {count(found['train'])} rows, judged on {count(found['test'])}"
            f" held out  [dim]data {found['data'][:12]}[/]"
        )
    if story.fallback:
        yield f"{_label('')}[yellow]warning:[/] {escape(fallback_line(story.fallback))}"


def _gate_table(verdicts: tuple[Verdict, ...]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(6):
        table.add_column(no_wrap=True)
    for number, verdict in enumerate(verdicts):
        table.add_row(_label("gate" if number == 0 else "")[:-1], *row(verdict))
    return table


def _rollout_table(rollout: list[Seen]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(2 + max(len(seen.verdicts) for seen in rollout)):
        table.add_column(no_wrap=True)
    for seen in rollout:
        requests = f"{count(seen.requests)} req."
        table.add_row(_label(seen.step)[:-1], requests, *map(brief, seen.verdicts))
    return table


def _objections(verdicts: tuple[Verdict, ...]) -> Iterator[str]:
    """What every verdict that is no pass says for itself."""
    for verdict in verdicts:
        if because(verdict):
            yield f"{_label('')}[yellow]![/] {escape(verdict.check)} {escape(because(verdict))}"


def _watched(story: Story) -> Iterator[str]:
    if story.window is not None:
        yield f"{_label('monitor')}{_window(story.window)}"
    if story.retraining is not None:
        yield f"{_label('retraining')}{_retraining(story.retraining)}"


def _window(window: Window) -> str:
    verdicts = [Verdict.from_json(found) for found in window.verdicts]
    loud = [v for v in verdicts if v.outcome in (Outcome.FAIL, Outcome.ERROR)]
    # The model's own answers and their quality first; columns explain them.
    loud.sort(key=lambda v: (not v.check.startswith("performance"), "score" not in v.check))
    shown = ", ".join(map(_loud, loud[:4]))
    more = f" and {len(loud) - 4} more" if len(loud) > 4 else ""
    until = datetime.fromtimestamp(window.end, UTC)
    said = f": {shown}{more}" if loud else _quiet(verdicts)
    return f"{outcome(Outcome(window.outcome))} in the window to {until:%Y-%m-%d %H:%M} UTC{said}"


def _loud(verdict: Verdict) -> str:
    """A check with what it found; why it found nothing, where it could not look."""
    if verdict.estimate is None:
        return f"{escape(verdict.check)} ({escape(printable(verdict.reason))})"
    return f"{escape(verdict.check)} {verdict.estimate:.3g}"


def _quiet(verdicts: list[Verdict]) -> str:
    """Why nothing was decided, by the first check that says it; nothing where all passed."""
    said = next((v.reason for v in verdicts if v.outcome is not Outcome.PASS and v.reason), "")
    return f": {escape(printable(said))}" if said else ""


def _retraining(retraining: Retraining) -> str:
    at = datetime.fromtimestamp(retraining.at, UTC)
    return f"started {at:%Y-%m-%d %H:%M} UTC by {escape(retraining.trigger)}"


def _places(site: Site, told: tuple[Story, ...]) -> Iterator[tuple[str, str]]:
    live = tuple(story for story in told if story.live is not None)
    yield from addresses(site.workspace, tuple(story.model for story in live))
    yield from _grpc_places(site, told)
    for story in told:
        page = site.workspace.report(story.model) / "index.html"
        if page.exists():
            yield "report", page.as_uri()
        card = site.workspace.card(story.run)
        if story.run and card.exists():
            yield "card", card.as_uri()
    unwatched = next((story.model for story in live if not story.window), None)
    look = f"spec run monitor {unwatched}   or   " if unwatched else ""
    yield "next", f"{look}spec status"


def _grpc_places(site: Site, told: tuple[Story, ...]) -> Iterator[tuple[str, str]]:
    answering = {model.name for model in site.project.models if model.spec.serve.grpc}
    for story in told:
        if story.model in answering and story.live is not None:
            place = grpc_address(site.workspace, story.model, story.live.release)
            if place:
                yield "gRPC", f"{place}  with the metadata {MODEL_METADATA}: {story.model}"
