"""ROC and precision-recall of a binary model, with bands, and what its decisions come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.page.markup import text
from mlops_spec.runtime.page.plot import figure, legend, plot, svg
from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.judged import Bools, Judged
from mlops_spec.stats.newcombe import wilson_bounds

_SHOWN: Final = 160  # points of a curve
_LEAST_SAID: Final = 20  # positive decisions below which precision is noise, not a curve


@dataclass(frozen=True, slots=True)
class Curve:
    """Counts at every threshold that is drawn, the strictest first."""

    hits: Floats
    alarms: Floats
    positives: int
    negatives: int

    @property
    def recall(self) -> Floats:
        return np.asarray(self.hits / self.positives)

    @property
    def false_rate(self) -> Floats:
        return np.asarray(self.alarms / self.negatives)

    @property
    def precision(self) -> Floats:
        return np.asarray(self.hits / (self.hits + self.alarms))


def curve(positive: Bools, scores: Floats) -> Curve:
    """The curve through all thresholds, thinned so that no piece of it is longer than 1/80."""
    order = np.argsort(-scores, kind="stable")
    ordered, truth = scores[order], positive[order]
    # Equal scores fall together: only the last row of each value is a threshold.
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    hits = np.cumsum(truth)[last].astype(float)
    alarms = (last + 1) - hits
    positives, negatives = int(positive.sum()), int((~positive).sum())
    way = hits / positives + alarms / negatives
    kept = np.unique(np.searchsorted(way, np.linspace(0, 2, _SHOWN)).clip(0, len(way) - 1))
    return Curve(hits[kept], alarms[kept], positives, negatives)


def binary(found: Recorded, judged: Judged) -> str:
    """The figures."""
    now = curve(judged.is_positive, judged.scores)
    then = None
    if isinstance(found.production, Judged) and not found.production.obstacle:
        then = curve(found.production.is_positive, found.production.scores)
    return _roc(now, then, judged, found.level) + _precision_recall(now, then, judged, found.level)


def _named(then: Curve | None) -> str:
    named = [("now", "candidate")] + ([("then", "production")] if then else [])
    return legend(*named)


def _roc(now: Curve, then: Curve | None, judged: Judged, level: float) -> str:
    plane = plot((0, 1), (0, 1), ("false alarms among negatives", "recall"))
    _, low, high = wilson_bounds(now.hits, np.full_like(now.hits, now.positives), level)
    x = [0.0, *now.false_rate]
    drawn = plane.rules() + plane.path([(0, 0), (1, 1)], "chance")
    drawn += plane.area(_pairs(x, [0.0, *high]), _pairs(x, [0.0, *low]), "band")
    if then is not None:
        drawn += plane.path(_pairs([0.0, *then.false_rate], [0.0, *then.recall]), "curve then")
    drawn += plane.path(_pairs(x, [0.0, *now.recall]), "curve now")
    recall, alarms, _ = _operating(judged)
    words = f"decisions: recall {recall:.3f}, false alarms {alarms:.3f}"
    drawn += plane.dot((alarms, recall), "point", words)
    note = (
        f"Band: {level:.0%} Wilson interval of recall at each threshold, {now.positives:,} "
        "positives. The dot is where decisions are made (probability above ½)."
    )
    return figure(svg(drawn, "ROC curve"), "ROC", text(note), _named(then))


def _precision_recall(now: Curve, then: Curve | None, judged: Judged, level: float) -> str:
    plane = plot((0, 1), (0, 1), ("recall", "precision"))
    base = now.positives / (now.positives + now.negatives)
    drawn = plane.rules() + plane.path([(0, base), (1, base)], "chance")
    said = now.hits + now.alarms
    enough = said >= min(_LEAST_SAID, said[-1])
    _, low, high = wilson_bounds(now.hits[enough], said[enough], level)
    drawn += plane.area(_pairs(now.recall[enough], high), _pairs(now.recall[enough], low), "band")
    if then is not None:
        known = (then.hits + then.alarms) >= min(_LEAST_SAID, then.hits[-1] + then.alarms[-1])
        drawn += plane.path(_pairs(then.recall[known], then.precision[known]), "curve then")
    drawn += plane.path(_pairs(now.recall[enough], now.precision[enough]), "curve now")
    recall, _, precision = _operating(judged)
    if precision is not None:
        words = f"decisions: recall {recall:.3f}, precision {precision:.3f}"
        drawn += plane.dot((recall, precision), "point", words)
    note = (
        f"Band: {level:.0%} Wilson interval of precision at each threshold, from {_LEAST_SAID} "
        f"positive decisions on. Dashed: the share of positives, {base:.1%}."
    )
    return figure(svg(drawn, "precision-recall curve"), "Precision and recall", text(note),
                  _named(then))  # fmt: skip


def _operating(judged: Judged) -> tuple[float, float, float | None]:
    """Recall, false alarms and precision of the decisions as they were made."""
    positive, said = judged.is_positive, judged.said_positive
    hits, alarms = int((positive & said).sum()), int((~positive & said).sum())
    precision = hits / (hits + alarms) if hits + alarms else None
    return hits / int(positive.sum()), alarms / int((~positive).sum()), precision


def _pairs(x: Floats | list[float], y: Floats | list[float]) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
