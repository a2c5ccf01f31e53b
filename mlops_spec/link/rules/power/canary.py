"""Canary steps that are too short for their limits. Closed forms; no data is read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import POWERLESS_LIMIT
from mlops_spec.link.scope import Scope
from mlops_spec.model.spec.describe import one_of
from mlops_spec.model.spec.rollout import RolloutSpec

_QUANTILE: Final = 0.99


def requests_to_bound(share: float, confidence: float) -> int:
    """Fewest observations, all within a limit, that put less than 1 - `share` beyond it.

    The largest of n values lies above the `share` quantile with probability 1 - share^n (the
    order-statistic bound), so that share^n <= 1 - confidence.
    """
    return math.ceil(math.log(1 - confidence) / math.log(share))


def canary_steps_can_bound_their_limits(scope: Scope, found: Diagnostics) -> None:
    """MLS310: p99 and the error rate need enough answers before anything can be said."""
    for document in scope.of(RolloutSpec):
        spec = document.spec
        requests = spec.canary.each.min_requests
        if not 0 < spec.confidence.value < 1:
            continue
        needs = {limit: requests_to_bound(q, spec.confidence.value) for limit, q in _shares(spec)}
        short = [limit for limit, needed in needs.items() if requests < needed]
        if short:
            most = max(needs[limit] for limit in short)
            found.add(
                POWERLESS_LIMIT,
                f"{requests} requests a step cannot bound {one_of(short, 'and')} at "
                f"{spec.confidence} confidence: that takes {most:,}",
                at=document.places.value("canary", "each", "min_requests"),
                help=f"write min_requests: {math.ceil(most / 100) * 100} or more; fewer leave a "
                "step inconclusive until it gives up",
            )


def _shares(spec: RolloutSpec) -> Iterator[tuple[str, float]]:
    yield "p99", _QUANTILE
    errors = spec.abort_when.errors.above
    if 0 < errors.value < 1:
        yield f"an error rate of {errors}", 1 - errors.value
