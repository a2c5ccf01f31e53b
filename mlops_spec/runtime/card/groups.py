"""Where the model is good and where not: segments and fairness as forest plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.gates.groups import Groups, grouped
from mlops_spec.runtime.gates.recorded import Unrecorded
from mlops_spec.runtime.page.forest import Limit, Mark, axis_for, limit_of, scale, strip
from mlops_spec.runtime.page.markup import (
    badge,
    identifier,
    interval,
    number,
    places_for,
    soft,
    text,
)
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.metrics import estimate
from mlops_spec.terms.metrics import PRIMARY
from mlops_spec.terms.verdict import Outcome, Verdict

_MOST_PARTS: Final = 40  # rows of one forest
_MOST_FEATURES: Final = 6
_MOST_VALUES: Final = 12
_QUARTERS: Final = (0.25, 0.5, 0.75)
_LEAST_ROWS: Final = 50
_JUDGED: Final = "segments."
_FAIR: Final = "fairness."
_LEFT_OUT: Final = "Too few to compare"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a forest; `heading` starts a new block when it changes."""

    name: str
    mark: Mark
    n: int
    outcome: Outcome | None = None
    note: str = ""
    heading: str = ""


def groups(found: Recorded) -> Section:
    verdicts = found.decided.verdicts if found.decided else ()
    judged = [v for v in verdicts if v.check.startswith(_JUDGED)]
    fair = [v for v in verdicts if v.check.startswith(_FAIR)]
    body = "".join(map(_ruled, judged)) or _described(found)
    body += "".join(map(_ruled, fair))
    if not fair:
        body += soft("No fairness rule was asked for: rates of groups of people were not compared.")
    return Section(
        "groups", "Segments and fairness", "A good mean can hide a bad group: each has its own "
        "interval and its own n.", body,
    )  # fmt: skip


def forest(rows: Sequence[Row], limit: Limit | None) -> str:
    """Rows on one axis."""
    axis = axis_for([row.mark for row in rows], [limit])
    known = [found for row in rows if (found := places_for(row.mark.low, row.mark.high))]
    places = max(known, default=None)
    drawn, heading = [], ""
    for row in rows:
        if row.heading != heading:
            heading = row.heading
            drawn.append(f'<li class="heading">{text(heading)}</li>')
        mark, ends = row.mark, interval(row.mark.low, row.mark.high, places)
        said = badge(row.outcome) if row.outcome is not None else ""
        note = f'<p class="why soft">{text(row.note)}</p>' if row.note else ""
        drawn.append(
            f'<li><div class="what">{identifier(row.name)}<span class="soft">n {row.n:,}</span>'
            "</div>"
            f'<div class="drawn">{strip([mark], axis, limit)}</div><div class="value">'
            f'<b>{number(mark.value, places)}</b><span class="soft">{ends}</span></div>'
            f"<div>{said}</div>{note}</li>"
        )
    drawn.append(f'<li class="scale"><div></div><div class="drawn">{scale(axis)}</div></li>')
    return f'<ol class="rows forest">{"".join(drawn)}</ol>'


def _ruled(verdict: Verdict) -> str:
    """The groups of a rule, each with its own verdict."""
    title = f"<h3>{text(verdict.check)} {badge(verdict.outcome)}</h3>"
    said = soft(text(" · ".join(filter(None, (verdict.limit, verdict.reason)))))
    if not verdict.parts:
        return title + said
    fair = verdict.check.startswith(_FAIR)
    shown = [_part(part, fair=fair) for part in verdict.parts[:_MOST_PARTS]]
    if fair:
        shown.sort(key=lambda row: (row.heading == _LEFT_OUT, row.heading))
    left = len(verdict.parts) - len(shown)
    more = soft(f"{left:,} more groups are in verdicts.json.") if left else ""
    # A fairness limit is one of a gap between groups, not of the rate of one.
    limit = None if fair else limit_of(verdict.limit)
    return title + said + forest(shown, limit) + more


def _part(part: Verdict, *, fair: bool) -> Row:
    kind = "now" if fair and part.outcome is Outcome.PASS else part.outcome.value
    mark = Mark(part.estimate, part.low, part.high, kind, part.line())
    if fair and part.estimate is not None:
        return Row(part.check, mark, part.n, heading=f"Share of {part.reason}")
    heading = _LEFT_OUT if fair else ""
    note = part.reason if part.outcome is not Outcome.PASS else ""
    return Row(part.check, mark, part.n, part.outcome, note, heading)


def _described(found: Recorded) -> str:
    """No rule looks at groups: the primary metric in those that the features offer."""
    title = "<h3>By feature</h3>"
    judged, metric = found.judged, PRIMARY.get(found.task, "")
    if judged is None or judged.obstacle or not found.made:
        return title + soft("Groups cannot be shown: the answers row by row are not there.")
    try:
        columns = found.columns(found.made.features)
    except Unrecorded as gone:
        return title + soft(f"Groups cannot be shown: {text(gone)}.")
    rows = list(_features(columns, judged, metric, found.level))
    if not rows:
        return title + soft("No feature parts the rows into a few groups that are large enough.")
    whole = estimate(metric, judged, found.level)
    reference = Limit(whole.value, 0) if whole.known else None
    said = (
        f"No segment rule was asked for. This is a description, not a verdict: {metric} on "
        f"held-out rows by feature, numbers in quarters, each group with its own {found.level:.0%} "
        "interval. Among so many groups some lie low by chance. The line is the whole."
    )
    return title + soft(text(said)) + forest(rows, reference)


def _features(columns: pd.DataFrame, judged: Judged, metric: str, level: float) -> Iterator[Row]:
    shown = 0
    for name in columns.columns:
        found = _parted(columns[name])
        if found is None or shown >= _MOST_FEATURES:
            continue
        rows = [
            Row(words.partition("=")[2] or words.removeprefix(f"{name} "), mark, n, heading=name)
            for words, mark, n in _marks(found, judged, metric, level)
        ]
        if len(rows) > 1:
            shown += 1
            yield from rows


def _parted(column: pd.Series) -> Groups | None:
    """The groups of a feature: its few values, or the quarters of a number."""
    frame = column.to_frame()
    if column.nunique() <= _MOST_VALUES:
        return grouped(frame, [str(column.name)], {})
    if not pd.api.types.is_numeric_dtype(column):
        return None
    quarters = column.dropna().quantile(list(_QUARTERS))
    # Three figures name a range well enough, and nobody decides on it.
    cuts = tuple(sorted({float(f"{cut:.3g}") for cut in quarters}))
    return grouped(frame, [str(column.name)], {str(column.name): cuts})


def _marks(
    found: Groups, judged: Judged, metric: str, level: float
) -> Iterator[tuple[str, Mark, int]]:
    named = sorted(
        ((found.codes[group].tolist(), found.name(group), rows)
         for group, rows in enumerate(found.places())), key=lambda each: _order(each[1], each[0]),
    )  # fmt: skip
    for _, words, rows in named:
        here = judged.take(rows)
        if len(rows) < _LEAST_ROWS or here.obstacle:
            continue
        value = estimate(metric, here, level)
        if value.known:
            said = f"{words}: {number(value.value)} ({interval(value.low, value.high)})"
            yield words, Mark(value.value, value.low, value.high, "now", said), len(rows)


def _order(words: str, codes: list[int]) -> tuple[int, float, str]:
    """Ranges from below, numbers by size, words by the alphabet."""
    if "=" not in words:
        return 0, float(codes[0]), ""
    value = words.partition("=")[2]
    try:
        return 1, float(value), ""
    except ValueError:
        return 2, 0.0, value
