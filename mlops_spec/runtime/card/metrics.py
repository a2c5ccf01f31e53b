"""Every metric of the task with its interval, production beside it on the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.page.forest import SHARES, Limit, Mark, axis_for, strip
from mlops_spec.runtime.page.markup import identifier, interval, number, places_for, soft, text
from mlops_spec.runtime.page.plot import Axis, legend
from mlops_spec.stats.estimate import Estimate
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.metrics import difference, estimate
from mlops_spec.terms.metrics import METRICS, PRIMARY


def metrics(found: Recorded) -> Section:
    recorded = found.evaluation.get("metrics", {})
    lead = f"On {found.evaluation.get('n', 0):,} held-out rows, with {found.level:.0%} intervals."
    if not recorded:
        return Section("metrics", "Metrics", "", soft("No metric of this run is recorded."))
    first = PRIMARY.get(found.task, "")
    ordered = sorted(recorded, key=lambda name: name != first)
    rows = "".join(_row(name, recorded[name], found) for name in ordered)
    return Section(
        "metrics", "Metrics", text(lead),
        f'{_beside(found)}<ol class="rows metrics">{rows}</ol>{_validation(found)}',
    )  # fmt: skip


def _beside(found: Recorded) -> str:
    if isinstance(found.production, str):
        return soft(f"No comparison: {text(found.production)}.")
    run = found.decided.baseline if found.decided else ""
    return legend(("now", "this candidate"), ("then", f"production, run {run}, on the same rows"))


def _row(name: str, said: Mapping[str, Any], found: Recorded) -> str:
    metric = METRICS.get(name)
    candidate = _estimate(said)
    marks = [_mark(candidate, "now", f"{name} of this candidate")]
    gap = ""
    if isinstance(found.production, Judged) and found.judged is not None:
        before = estimate(name, found.production, found.level)
        marks.append(_mark(before, "then", f"{name} of production"))
        gap = _gap(difference(name, found.judged, found.production, found.level))
    places = places_for(said.get("low"), said.get("high"))
    limit = Limit(0.0, 0) if name == "skill" else None
    axis = _axis(marks, limit, name)
    drawn = strip(marks, axis, limit) if candidate.known and axis is not None else ""
    better = "" if metric is None else " ↑" if metric.more_is_better else " ↓"
    title = metric.title if metric else ""
    return (
        f'<li><div class="what"><b>{identifier(name)}{better}</b>'
        f'<span class="soft">{text(title)}</span></div><div class="drawn">{drawn}</div>'
        f'<div class="value"><b>{number(said.get("value"), places)}</b><span class="soft">'
        f"{interval(said.get('low'), said.get('high'), places)}</span></div>"
        f'<div class="gap soft">{gap}</div>{_why(said)}</li>'
    )


def _axis(marks: list[Mark], limit: Limit | None, name: str) -> Axis | None:
    """Two marks, or one beside a reference, make their own axis; one alone lies between 0 and 1."""
    if len(marks) > 1 or limit is not None:
        return axis_for(marks, [limit])
    metric, low = METRICS.get(name), marks[0].low
    return SHARES if metric and metric.share and low is not None and low >= 0 else None


def _why(said: Mapping[str, Any]) -> str:
    return f'<p class="why soft">{text(said["reason"])}</p>' if said.get("reason") else ""


def _gap(found: Estimate) -> str:
    if not found.known:
        return text(found.reason or "one of the two is not defined on these rows")
    places = places_for(found.low, found.high)
    sign = "+" if found.value > 0 else ""
    ends = interval(found.low, found.high, places)
    return f"<span>Δ {sign}{number(found.value, places)}</span><span>{ends}</span>"


def _estimate(said: Mapping[str, Any]) -> Estimate:
    value, low, high = (
        math.nan if said.get(end) is None else float(said[end]) for end in ("value", "low", "high")
    )
    return Estimate(value, low, high, int(said.get("n", 0)))


def _mark(found: Estimate, kind: str, title: str) -> Mark:
    if not found.known:
        return Mark(None, None, None, kind, f"{title}: not known")
    words = f"{title}: {number(found.value)} ({interval(found.low, found.high)})"
    return Mark(found.value, found.low, found.high, kind, words)


def _validation(found: Recorded) -> str:
    said = found.evaluation.get("validation")
    if not said or said.get("value") is None:
        return ""
    places = places_for(said.get("low"), said.get("high"))
    unit = "lists of the validation rows" if found.task == "ranking" else "validation rows"
    by_time = found.origin.get("split", {}).get("by") == "time"
    # At random, nothing but chance and choosing parts the two.
    apart = "the time between them has changed the task" if by_time else "chance has a large part"
    return soft(
        f"On the {said['n']:,} {unit}, which neither taught nor judged, "
        f"{text(said['metric'])} is {number(said['value'], places)} "
        f"({interval(said.get('low'), said.get('high'), places)}). "
        f"If that is far from the held-out value, {apart}."
    )
