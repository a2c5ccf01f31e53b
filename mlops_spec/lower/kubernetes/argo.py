"""A rollout that the cluster's own controller takes step by step, and what it asks Prometheus.

Argo splits traffic by numbers of copies, and judges by queries to Prometheus. Before version 1.8
it looks for requests until `at_most` is over, also where there were enough at once.
Errors are harm when Wilson's lower bound lies above the limit, and pass when the upper bound lies
within it, at the confidence of the spec; looks are not corrected for, as our own rollouts do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any, Final

from mlops_spec.lower import conventions
from mlops_spec.lower.kubernetes import pod
from mlops_spec.lower.kubernetes.head import Object, head
from mlops_spec.lower.origin import Placed
from mlops_spec.model.units import Duration, Share
from mlops_spec.terms import exposition

_API: Final = "argoproj.io/v1alpha1"
HASH_LABEL: Final = "rollouts-pod-template-hash"  # Argo's, on every pod of one version
_LOOK_SECONDS: Final = 30
_HARM_EVERY: Final = "1m"
_SURE: Final = 1 - 1e-9  # nothing is sure, and its bounds would be infinite
_ARGUMENTS: Final[list[Object]] = [
    {"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}},
]
# A query without an answer is no harm yet, and no pass ever.
_NO_HARM: Final = "len(result) == 0 || isNaN(result[0]) || result[0] <= {limit}"
_PASS: Final = "len(result) > 0 && !isNaN(result[0]) && result[0] <= {limit}"  # noqa: S105


def rollout(placed: Placed) -> Object:
    """In the place of a Deployment: the same pods, and the steps by which new ones take over."""
    origin, spec = placed.origin, placed.model.rollout
    steps = [step for share in spec.canary.steps for step in _steps(placed, share)]
    return {
        **head(_API, "Rollout", placed),
        "spec": {
            **pod.REPLACED,
            "progressDeadlineAbort": True,
            # By default Argo forgets what it has judged before a long rollout is over.
            "analysis": {"successfulRunHistoryLimit": 2 * len(steps) + 1},
            "selector": {"matchLabels": conventions.selector(origin)},
            "strategy": {
                "canary": {
                    **pod.SURGE,
                    "analysis": {**_asks(placed, "harm"), "startingStep": 1},
                    "steps": steps,
                }
            },
            "template": pod.template(placed, HASH_LABEL),
        },
    }


def _steps(placed: Placed, share: Share) -> Iterator[Object]:
    """A share of the copies, the least time, then enough requests, then a judgement of them."""
    yield {"setWeight": round(share.value * 100)}
    at_least = placed.model.rollout.canary.each.at_least.seconds
    if at_least:
        yield {"pause": {"duration": f"{math.ceil(at_least)}s"}}
    yield {"analysis": _asks(placed, "traffic")}
    yield {"analysis": _asks(placed, "verdict")}


def _asks(placed: Placed, topic: str) -> dict[str, Any]:
    return {"templates": [{"templateName": _name(placed, topic)}], "args": _ARGUMENTS}


def _name(placed: Placed, topic: str) -> str:
    return f"{placed.origin.model}-{topic}"


def analyses(placed: Placed, prometheus: str) -> Iterator[tuple[str, Object]]:
    """By topic: traffic waits for requests, harm ends a rollout early, verdict ends a step."""
    ask = _Queries(placed, prometheus)
    abort = placed.model.rollout.abort_when
    errors, p99 = f"{abort.errors.above.value:.6g}", f"{abort.p99.above.seconds:.6g}"
    watching = {"interval": _HARM_EVERY, "initialDelay": "2m"}
    topics: dict[str, list[Object]] = {
        "traffic": [ask.metric("requests", ask.requests(), **_enough(placed))],
        "harm": [
            ask.metric("errors", ask.errors(-1), **_unless(_NO_HARM, errors), **watching),
            ask.metric("p99", ask.p99(), **_unless(_NO_HARM, p99), **watching),
        ],
        "verdict": [
            ask.metric("errors", ask.errors(+1), **_unless(_PASS, errors)),
            ask.metric("p99", ask.p99(), **_unless(_PASS, p99)),
        ],
    }
    for topic, metrics in topics.items():
        found = head(_API, "AnalysisTemplate", placed, name=_name(placed, topic))
        yield topic, {**found, "spec": {"args": [{"name": "hash"}], "metrics": metrics}}


def _unless(condition: str, limit: str) -> Object:
    return {"successCondition": condition.format(limit=limit)}


def _enough(placed: Placed) -> Object:
    """Succeeds at the first look that sees enough requests, fails when `at_most` has passed."""
    each = placed.model.rollout.canary.each
    looks = max(1, math.ceil(each.at_most.seconds / _LOOK_SECONDS))
    return {
        "successCondition": f"len(result) > 0 && result[0] >= {each.min_requests}",
        "interval": f"{_LOOK_SECONDS}s",
        "count": looks,  # Argo takes no step that could last forever
        "consecutiveSuccessLimit": 1,
        "failureLimit": looks - 1,
    }


class _Queries:
    """What is asked about the pods of the new version, from its first request on."""

    def __init__(self, placed: Placed, prometheus: str) -> None:
        self._prometheus = prometheus
        spec = placed.model.rollout
        each = spec.canary.each
        longest = (each.at_least.seconds + each.at_most.seconds) * len(spec.canary.steps)
        self._window = str(Duration(max(60.0, math.ceil(longest))))
        self._own = (
            f'model="{placed.origin.model}", namespace="{placed.environment.serve.namespace}", '
            f'{HASH_LABEL.replace("-", "_")}="{{{{args.hash}}}}"'
        )
        self._z2 = NormalDist().inv_cdf(min(max(spec.confidence.value, 0.5), _SURE)) ** 2

    def metric(self, name: str, query: str, **how: Any) -> Object:
        """A metric of an AnalysisTemplate."""
        provider = {"prometheus": {"address": self._prometheus, "query": query}}
        return {"name": name, **how, "provider": provider}

    def requests(self) -> str:
        return self._counted("")

    def errors(self, sign: int) -> str:
        """Wilson's bound of the share of failed answers: below it (-1) or above it (+1)."""
        # A worker that died took the requests along that it was answering: one failure at least.
        died = f"({self._most(exposition.WORKERS_DIED)} or vector(0))"
        failed = "(({} or vector(0)) + {})".format(self._counted(', code=~"5.."'), died)
        n = f"({self._counted('')} + {died})"
        z2, half = self._z2, self._z2 / 2
        root = f"sqrt({z2:.6g} * {failed} * ({n} - {failed}) / {n} + {z2 * z2 / 4:.6g})"
        return f"({failed} + {half:.6g} {'+' if sign > 0 else '-'} {root}) / ({n} + {z2:.6g})"

    def p99(self) -> str:
        buckets = f"{exposition.REQUEST_SECONDS}_bucket{{{self._own}}}"
        return f"histogram_quantile(0.99, sum by (le) (max_over_time({buckets}[{self._window}])))"

    def _counted(self, more: str) -> str:
        return self._most(exposition.REQUESTS, more)

    def _most(self, counter: str, more: str = "") -> str:
        # These pods are new, so that their counters are counts. `increase` would miss the first
        # failure of a pod, with which its series begins.
        return f"sum(max_over_time({counter}{{{self._own}{more}}}[{self._window}]))"
