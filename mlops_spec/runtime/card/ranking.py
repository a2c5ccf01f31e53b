"""How well each list is ordered."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.page.markup import text
from mlops_spec.runtime.page.plot import figure, legend, plot, svg
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.ranking import Lists, lists

_METRICS: Final = ("ndcg", "mean_reciprocal_rank")
_TITLES: Final = {"ndcg": "NDCG of each list", "mean_reciprocal_rank": "1 / first relevant rank"}
_BARS: Final = 25


def ranking(found: Recorded, judged: Judged) -> str:
    """The figures."""
    drawn = ""
    for metric in _METRICS:
        now = lists(metric, judged)
        if now.reason:
            return figure("", "Lists", f"Not drawn: {text(now.reason)}.")
        then = lists(metric, found.production) if isinstance(found.production, Judged) else None
        drawn += _histogram(_TITLES[metric], now, then)
    return drawn


def _histogram(title: str, now: Lists, then: Lists | None) -> str:
    edges = np.linspace(0, 1, _BARS + 1)
    shown = [(now, "bar now")] + ([(then, "bar then")] if then and not then.reason else [])
    shares = [np.histogram(found.values, edges)[0] / len(found.values) for found, _ in shown]
    top = max(float(each.max()) for each in shares) * 1.05 or 1.0
    plane = plot((0, 1), (0, top), ("value of a list", "share of lists"))
    drawn = plane.rules()
    for each, (_, kind) in zip(shares, shown, strict=True):
        for place in np.flatnonzero(each):
            ends = (float(edges[place]), float(edges[place + 1]))
            drawn += plane.box(ends, (0, float(each[place])), kind)
    drawn += plane.upright(float(now.values.mean()), "cut", "mean")
    left = f" {now.left_out:,} lists without anything relevant have none." if now.left_out else ""
    named = legend(("now", "candidate"), *([("then", "production")] if len(shown) > 1 else []))
    note = text(f"{len(now.values):,} lists.{left}")
    return figure(svg(drawn, title), title, note, named)
