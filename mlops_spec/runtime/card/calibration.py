"""Whether a score of 0.3 happens three times in ten, and how the scores of both classes lie."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.page.markup import interval, number, places_for, text
from mlops_spec.runtime.page.plot import figure, legend, plot, svg
from mlops_spec.stats.calibration_bins import BINS, equal_mass, obstacle
from mlops_spec.stats.estimate import Estimate
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.newcombe import wilson_bounds
from mlops_spec.stats.reliability import LEAST_ROWS, in_the_large, reliability

_BARS: Final = 40


def calibration(found: Recorded, judged: Judged) -> str:
    """The figures."""
    why = obstacle(judged.is_positive, judged.scores, LEAST_ROWS)
    if why:
        return figure("", "Calibration", f"Not drawn: {text(why)}.")
    return _diagram(judged, found.level) + _scores(judged)


def _diagram(judged: Judged, level: float) -> str:
    positive, scores = judged.is_positive, judged.scores
    bins = equal_mass(positive, scores, BINS)
    _, low, high = wilson_bounds(bins.observed * bins.rows, bins.rows, level)
    top = min(1.0, max(float(high.max()), float(bins.predicted.max())) * 1.05)
    plane = plot((0, top), (0, top), ("predicted probability", "observed share of positives"))
    drawn = plane.rules() + plane.path([(0, 0), (top, top)], "chance")
    for place in range(len(bins.rows)):
        at, share = float(bins.predicted[place]), float(bins.observed[place])
        ends = (float(low[place]), float(high[place]))
        words = f"{int(bins.rows[place]):,} rows: predicted {at:.3f}, observed {share:.3f}"
        drawn += plane.path([(at, ends[0]), (at, ends[1])], "whisker")
        drawn += plane.dot((at, share), "point", f"{words} ({interval(*ends, 3)})")
    line = reliability(positive, scores, level)
    note = (
        f"{len(bins.rows)} bins of equal mass with {level:.0%} Wilson intervals; on the dashed "
        f"line a probability means what it says. Slope {_said(line.slope)} (1 is right, below 1 "
        f"is too sure), mean error {_said(in_the_large(positive, scores, level))}."
    )
    return figure(svg(drawn, "calibration"), "Calibration", text(note))


def _said(found: Estimate) -> str:
    if not found.known:
        return f"not known ({found.reason})"
    places = places_for(found.low, found.high)
    return f"{number(found.value, places)} [{interval(found.low, found.high, places)}]"


def _scores(judged: Judged) -> str:
    edges = np.linspace(0, 1, _BARS + 1)
    of_class = [
        np.histogram(judged.scores[which], edges)[0] / max(int(which.sum()), 1)
        for which in (judged.is_positive, ~judged.is_positive)
    ]
    top = max(float(shares.max()) for shares in of_class) * 1.05 or 1.0
    plane = plot((0, 1), (0, top), ("score", "share of the class"))
    drawn = plane.rules()
    for shares, kind in zip(of_class, ("bar positive", "bar now"), strict=True):
        for place in np.flatnonzero(shares):
            ends = (float(edges[place]), float(edges[place + 1]))
            drawn += plane.box(ends, (0, float(shares[place])), kind)
    drawn += plane.upright(0.5, "cut", "decision")
    named = legend(("positive", f"{int(judged.is_positive.sum()):,} positives"),
                   ("now", f"{int((~judged.is_positive).sum()):,} negatives"))  # fmt: skip
    note = "The less the two overlap, the better the model tells them apart."
    return figure(svg(drawn, "scores by class"), "Scores", note, named)
