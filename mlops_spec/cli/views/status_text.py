"""spec status for people: what runs, what is live, why, since when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.markup import escape

from mlops_spec.cli.views.text import printable
from mlops_spec.cli.views.verdicts import outcome as outcome_of
from mlops_spec.observe.status import Decision, Failed, ModelStatus, Release, Status
from mlops_spec.observe.waiting import Candidate, Held, Waiting
from mlops_spec.runtime.machine.processes import Process
from mlops_spec.runtime.router.envoy import ROUTER
from mlops_spec.state import Window
from mlops_spec.state.fallback import fallback_line
from mlops_spec.terms.verdict import Outcome, Verdict, worst

_ROLE_COLOURS = {
    "production": "green", "candidate": "cyan", "previous": "dim", "quarantined": "red",
}  # fmt: skip
_SHOWN = 3  # verdicts of one window
_CONDITION_COLOURS = {"running": "green", "failed": "red"}


def status_lines(status: Status) -> Iterator[str]:
    """The lines, with rich markup."""
    if status.empty:
        yield f"nothing is applied in {status.environment!r}; run `spec apply`"
        return
    yield f"[bold]{status.environment}[/]"
    yield from _program_lines(status)
    for model in status.models:
        yield ""
        yield from _model_lines(model, status)
    for name, holder in status.leases:
        yield ""
        yield f"[yellow]working[/]  {escape(name)}: {escape(holder)}"


def _program_lines(status: Status) -> Iterator[str]:
    if not status.programs:
        yield "  nothing runs here; `spec apply` starts it"
    urls = dict(status.addresses)
    width = max((len(program.name) for program in status.programs), default=0)
    for program in status.programs:
        yield _program_line(program, width, urls.get(program.name, ""), status.now)


def _program_line(program: Process, width: int, url: str, now: float) -> str:
    colour = _CONDITION_COLOURS.get(program.condition, "yellow")
    about = escape(program.reason)
    if program.since is not None:
        up = f"pid {program.pid}, up {duration(now - program.since)}"
        about = f"{up}, {about}" if about else up
    return f"  {program.name:<{width}}  [{colour}]{program.condition}[/]  {about}  {url}".rstrip()


def _model_lines(model: ModelStatus, status: Status) -> Iterator[str]:
    yield f"[bold]{model.name}[/]  {_url(model, status)}".rstrip()
    if not model.releases:
        yield "  nothing is live"
    for release in model.releases:
        yield from _release_lines(release, status)
    if model.waiting is not None:
        yield from _waiting_lines(model.waiting, status.now)
    if model.held is not None:
        yield from _held_lines(model.held, status.now)
    if model.failed is not None:
        yield from _failed_lines(model.failed, status.now)
    if model.window is not None:
        yield from _window_lines(model.window, status.now)


def _url(model: ModelStatus, status: Status) -> str:
    """Where it answers on this machine, if it does."""
    live = any(release.deployment.role == "production" for release in model.releases)
    routed = any(program.name == ROUTER for program in status.programs)
    return dict(status.addresses).get(model.name, "") if live and routed else ""


def _release_lines(release: Release, status: Status) -> Iterator[str]:
    found = release.deployment
    colour = _ROLE_COLOURS[found.role]
    yield (
        f"  [{colour}]{found.role:<11}[/]  version {found.version or '-'}  release {found.release}"
        f"  {_traffic(release, status)}  for {duration(status.now - found.since)}"
    )
    if found.reason:
        yield f"               because {escape(found.reason)}"
    elif release.decision is not None:
        yield from _decision_lines(release.decision)
    if release.approval is not None:
        yield f"               {escape(release.approval.line())}"
    yield from _paper_lines(release)


def _waiting_lines(waiting: Waiting, now: float) -> Iterator[str]:
    """A candidate that a person decides on: what the gates said, what to confirm, what to type."""
    candidate = waiting.candidate
    version = f"version {waiting.version}  " if waiting.version else ""
    who = f" for {', '.join(waiting.by)}" if waiting.by else " for a person"
    yield (
        f"  [yellow]waits[/]        {version}run {candidate.run}  gate said "
        f"{outcome_of(candidate.outcome)}{escape(who)}  since {duration(now - candidate.since)}"
    )
    yield from _unpassed_lines(candidate.verdicts)
    for sentence in waiting.criteria:
        yield f"               to confirm: {escape(sentence)}"
    yield f"               {escape(waiting.command)}   (or --reject), then spec apply"
    yield from _paper_lines(candidate)


def _held_lines(held: Held, now: float) -> Iterator[str]:
    """A candidate that goes no further, with what stopped it."""
    candidate = held.candidate
    yield (
        f"  [yellow]held[/]         run {candidate.run}  gate said "
        f"{outcome_of(candidate.outcome)}  {duration(now - candidate.since)} ago; production stays"
    )
    yield from _unpassed_lines(candidate.verdicts)
    if held.rejected:
        yield f"               {escape(held.rejected)}"
    yield from _paper_lines(candidate)


def _failed_lines(failed: Failed, now: float) -> Iterator[str]:
    """The step that was done last and failed: why nothing, or nothing new, is live."""
    said = f"{failed.code}: {printable(failed.message)}"
    yield f"  [red]failed[/]       {failed.step} {duration(now - failed.at)} ago, {escape(said)}"
    if failed.help:
        yield f"               {escape(printable(failed.help))}"


def _paper_lines(found: Candidate | Release) -> Iterator[str]:
    yield from _fallback_lines(found.fallback)
    if found.card:
        yield f"               card {escape(found.card)}"


def _fallback_lines(reason: str) -> Iterator[str]:
    if reason:
        yield f"               [yellow]warning:[/] {escape(fallback_line(reason))}"


def _unpassed_lines(verdicts: tuple[Verdict, ...]) -> Iterator[str]:
    for verdict in verdicts:
        if verdict.outcome is not Outcome.PASS:
            yield f"               {escape(verdict.line())}"


def _traffic(release: Release, status: Status) -> str:
    found = release.deployment
    if not status.programs and not status.elsewhere:
        return "[yellow]not running[/]"
    return "a copy of all traffic" if found.mirror else f"{found.weight * 100:g} % of traffic"


def _decision_lines(decision: Decision) -> Iterator[str]:
    yield f"               because {decision.step} said {outcome_of(decision.outcome)}"
    for verdict in decision.verdicts:
        yield f"                 {escape(verdict.line())}"


def _window_lines(window: Window, now: float) -> Iterator[str]:
    verdicts = [Verdict.from_json(found) for found in window.verdicts]
    outcome = worst(verdict.outcome for verdict in verdicts)
    # Rows carry their own time, which a replay of last summer leaves in the past.
    until = datetime.fromtimestamp(window.end, UTC)
    looked = duration(now - window.at)
    yield (
        f"  monitor      {outcome_of(outcome)} {looked} ago, for the window to "
        f"{until:%Y-%m-%d %H:%M} UTC"
    )
    # A column that fails is worth more than ten of which too little is known.
    loud = [v for v in verdicts if v.outcome is not Outcome.PASS]
    shown = [v for v in loud if v.outcome is outcome][:_SHOWN]
    for verdict in shown:
        yield f"                 {escape(verdict.line())}"
    if len(loud) > len(shown):
        yield f"                 and {len(loud) - len(shown)} more that did not pass"


def duration(seconds: float) -> str:
    """Seconds in the largest two units that matter: `3 d 4 h`, `12 min`, `8 s`."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{whole} s"
