"""What was decided, at a glance: the outcome, and every verdict with its interval and limit."""

from __future__ import annotations

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.page.forest import Mark, axis_for, limit_of, strip
from mlops_spec.runtime.page.markup import (
    ORDER,
    badge,
    day,
    facts,
    identifier,
    interval,
    number,
    places_for,
    soft,
    text,
)
from mlops_spec.state.approvals import Approval
from mlops_spec.stats.metrics import BY_LIST
from mlops_spec.terms.verdict import Outcome, Verdict

_TITLES = {
    Outcome.PASS: "{name} passed {all}",
    Outcome.FAIL: "{name} was refused by {some}",
    Outcome.ERROR: "{name} could not be judged by {some}",
    Outcome.INCONCLUSIVE: "The evidence on {name} does not decide {some}",
    Outcome.NO_DATA: "There is no data to judge {name} by {some}",
}


def name_of(found: Recorded) -> str:
    """What people call the run: its version, or that it has none."""
    return f"Version {found.version}" if found.version else "This candidate"


def headline(found: Recorded) -> str:
    """The outcome in one sentence."""
    if found.decided is None:
        return f"{name_of(found)} was not gated"
    decided = found.decided
    total = len(decided.verdicts)
    against = sum(verdict.outcome is decided.outcome for verdict in decided.verdicts)
    name = name_of(found)
    if not _TITLES[decided.outcome].startswith("{"):
        name = name[0].lower() + name[1:]
    every = "its only gate" if total == 1 else f"all {total} gates"
    some = "its only gate" if total == 1 else f"{against} of {total} gates"
    return _TITLES[decided.outcome].format(name=name, all=every, some=some)


def decision(found: Recorded) -> Section:
    decided = found.decided
    if decided is None:
        return Section("decision", "Decision", "", soft("No verdict on this run is recorded."))
    # Worst first, otherwise as in the spec: what stands against the model is what is read for.
    ordered = sorted(decided.verdicts, key=lambda verdict: ORDER.index(verdict.outcome))
    rows = "".join(map(_row, ordered))
    return Section(
        "decision",
        "Decision",
        "Every gate must pass, each on the unfavourable end of its interval. The shaded side is "
        "where the limit is kept.",
        f'<ol class="rows verdicts">{rows}</ol>{_approval(decided.approval)}',
    )


def _row(verdict: Verdict) -> str:
    limit = limit_of(verdict.limit)
    places = places_for(verdict.low, verdict.high)
    mark = Mark(verdict.estimate, verdict.low, verdict.high, verdict.outcome.value, verdict.line())
    drawn = ""
    if verdict.estimate is not None:
        drawn = strip([mark], axis_for([mark], [limit]), limit)
    return (
        f'<li><div class="what"><b>{identifier(verdict.check)}</b>'
        f'<span class="asked">{text(verdict.limit)}</span></div>'
        f'<div class="drawn">{drawn}</div>'
        f'<div class="value"><b>{_estimate(verdict, places)}</b>'
        f'<span class="soft">{interval(verdict.low, verdict.high, places)}</span></div>'
        f'<div class="n soft">{_counted(verdict)}</div><div>{badge(verdict.outcome)}</div>'
        f'<p class="why soft">{text(_why(verdict))}</p></li>'
    )


def _counted(verdict: Verdict) -> str:
    """How much was judged: lists, where each of them has one value."""
    lists = verdict.method.startswith(BY_LIST)
    return f"{verdict.n:,} lists" if lists else f"n {verdict.n:,}"


def _estimate(verdict: Verdict, places: int | None) -> str:
    shown = number(verdict.estimate, places)
    unit = verdict.unit if verdict.estimate is not None else ""
    return f"{shown} <small>{text(unit)}</small>" if unit else shown


def _why(verdict: Verdict) -> str:
    enough = ""
    if verdict.n_enough is not None and verdict.outcome is not Outcome.PASS:
        enough = f"about {verdict.n_enough:,} would have been enough"
    method = f"interval: {verdict.method}" if verdict.method else ""
    return " · ".join(part for part in (verdict.reason, enough, method) if part)


def _approval(approval: Approval | None) -> str:
    if approval is None:
        return soft("No person was asked to approve this decision, and nobody has overridden it.")
    confirmed = "<br>".join(map(text, approval.criteria))
    word = "approved against the gates" if approval.override else approval.decision
    pairs = [
        ("Decision", f"<b>{text(word)}</b>; the gates said {text(approval.outcome)}"),
        ("By", text(approval.who)),
        ("On", f"{day(approval.at)} UTC"),
        ("Reason", text(approval.why)),
    ]
    if confirmed:
        pairs.append(("Confirmed", confirmed))
    return f"<h3>Approval</h3>{facts(pairs)}"
