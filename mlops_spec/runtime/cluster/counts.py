"""What the pods of a release have counted since a moment: answers by code, and how long they took.

Counters of a pod begin at 0 when its container starts again, and end with the pod. Both are put
together here as Prometheus does it: a counter that is smaller than before has begun anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mlops_spec.runtime.cluster.objects import Object
from mlops_spec.runtime.cluster.pods import asked, name_of, ready, restarts
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.terms.exposition import REQUEST_SECONDS, REQUESTS, SHADOW, WORKERS_DIED

METRICS: Final = "/metrics"


@dataclass(frozen=True, slots=True)
class Counts:
    """Answers by status code, and answers by the upper edge (seconds) of their bucket.

    `died`: workers that did so in a container that goes on.
    """

    codes: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[float, float] = field(default_factory=dict)
    died: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            _plus(self.codes, other.codes),
            _plus(self.seconds, other.seconds),
            self.died + other.died,
        )

    def since(self, before: Counts) -> Counts:
        """What was counted after `before`; everything, when the counters began anew since."""
        if sum(self.codes.values()) < sum(before.codes.values()):
            return self
        return Counts(
            _minus(self.codes, before.codes),
            _minus(self.seconds, before.seconds),
            max(self.died - before.died, 0.0),
        )

    @property
    def failed(self) -> int:
        """Answers with a 5xx. A 4xx is the client's mistake, whichever version says so."""
        return round(sum(n for code, n in self.codes.items() if code.startswith("5")))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pod as it was last looked at: its counters, its restarts, and all it added since."""

    last: Counts
    restarts: int
    total: Counts = field(default_factory=Counts)
    ended: int = 0  # containers that ended under requests


class ReleaseCounts:
    """The counts of one release from now on, over all its pods, gone ones too."""

    def __init__(self, server: ApiServer, namespace: str, release: str) -> None:
        self._server = server
        self._namespace = namespace
        self._release = release
        self._pods: dict[str, _Seen] = {}
        self._begun = False

    def look(self, pods: tuple[Object, ...]) -> tuple[Counts, int]:
        """Everything since the first look, and how many containers and workers ended meanwhile.

        `Refusal` when a pod that takes requests does not show its metrics: a count that leaves one
        out would be too good.
        """
        for pod in pods:
            if ready(pod):
                text = asked(self._server, self._namespace, name_of(pod), METRICS).decode()
                self._add(pod, counts_of(text, self._release))
            elif name_of(pod) in self._pods:
                self._add(pod, self._pods[name_of(pod)].last)
        self._begun = True
        total = sum((seen.total for seen in self._pods.values()), Counts())
        return total, round(total.died) + sum(seen.ended for seen in self._pods.values())

    def _add(self, pod: Object, now: Counts) -> None:
        name, again = name_of(pod), restarts(pod)
        seen = self._pods.get(name)
        if seen is None:
            # A pod of the first look counted for others before; one that came since did not.
            last = Counts() if self._begun else now
            seen = _Seen(last, again)
        added = now.since(seen.last)
        self._pods[name] = replace(
            seen,
            last=now,
            restarts=again,
            total=seen.total + added,
            ended=seen.ended + max(again - seen.restarts, 0),
        )


def counts_of(text: str, release: str) -> Counts:
    """The counters of a release in Prometheus' text format: of what users were answered."""
    from prometheus_client.parser import text_string_to_metric_families

    codes: dict[str, float] = {}
    below: dict[float, float] = {}
    died = 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.get("release") != release or sample.labels.get(SHADOW) == "true":
                continue
            if sample.name == REQUESTS:
                codes[sample.labels["code"]] = sample.value
            elif sample.name == f"{REQUEST_SECONDS}_bucket":
                below[_edge(sample.labels["le"])] = sample.value
            elif sample.name == WORKERS_DIED:
                died = sample.value
    return Counts(codes, _each(below), died)


def _each(below: Mapping[float, float]) -> dict[float, float]:
    """Cumulative buckets as what lies in each."""
    edges = sorted(below)
    lower = [0.0, *(below[edge] for edge in edges)]
    return {edge: below[edge] - before for edge, before in zip(edges, lower, strict=False)}


def _edge(text: str) -> float:
    return math.inf if text == "+Inf" else float(text)


def _plus(one: Mapping[Any, float], other: Mapping[Any, float]) -> dict[Any, float]:
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in {**one, **other}}


def _minus(one: Mapping[Any, float], other: Mapping[Any, float]) -> dict[Any, float]:
    return {key: value - other.get(key, 0.0) for key, value in one.items()}
