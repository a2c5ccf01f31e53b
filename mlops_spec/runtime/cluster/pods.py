"""What pods answer through the API server: predictions and metrics."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mlops_spec.runtime.cluster.explain import Trouble, troubles
from mlops_spec.runtime.cluster.objects import Object, at
from mlops_spec.runtime.cluster.refused import Unreachable, status_of, words_of
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.refusal import Refusal

PORT: Final = 3000
# 404: the pod is gone; 400: it has no address yet; 500: what 1.22 and older say for 503.
_NO_WAY: Final = frozenset({400, 404, 500, 502, 503, 504})


def ready(pod: Object) -> bool:
    """Whether a pod takes requests and is not about to end."""
    if at(pod, "metadata", "deletionTimestamp"):
        return False
    statuses = at(pod, "status", "containerStatuses", default=[])
    return bool(statuses) and all(one.get("ready") for one in statuses)


def restarts(pod: Object) -> int:
    statuses = at(pod, "status", "containerStatuses", default=[])
    return sum(int(one.get("restartCount", 0)) for one in statuses)


def name_of(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def asked(
    server: ApiServer, namespace: str, pod: str, path: str, body: bytes | None = None
) -> bytes:
    """A pod's answer. `Refusal` MLS632 when the API server does not reach it, OSError for a no."""
    answer = server.ask_pod(namespace, pod, PORT, path, body)
    said = status_of(answer.body)
    if said and answer.status in _NO_WAY:
        raise unreached(pod, words_of(answer.body))
    if said and answer.status in (401, 403):
        raise Refusal(
            "MLS622",
            f"not allowed to ask {pod} through the API server",
            "ask for get and create on pods/proxy in this namespace, then the same command",
        )
    if answer.status != 200:
        words = answer.body[:300].decode(errors="replace")
        raise OSError(f"{pod} answers {answer.status} to {path}: {words}")
    return answer.body


def troubles_of(server: ApiServer, owner: Object, pods: Sequence[Object]) -> tuple[Trouble, ...]:
    """What keeps these pods, and the Deployment or Rollout they are of, from being ready."""
    namespace = owner["metadata"]["namespace"]
    events = {name: server.events(namespace, name) for name in map(name_of, pods)}
    return troubles(owner, pods, events)


def unreached(pod: str, words: str) -> Refusal:
    return Refusal(
        "MLS632",
        f"the API server does not reach {pod}: {words or 'no answer'}",
        "if a network policy closes the pods, name the API server's addresses in"
        " `serve.api_server`",
        field=("environment", "serve", "api_server"),
    )


@dataclass
class Line:
    """Requests to these pods in turn, for a replay."""

    server: ApiServer
    namespace: str
    pods: Sequence[str]
    _turn: Iterator[int] = field(default_factory=itertools.count)

    def post(self, body: bytes) -> int:
        """The status of the answer; 0 when there was none."""
        pod = self.pods[next(self._turn) % len(self.pods)]
        try:
            return self.server.ask_pod(self.namespace, pod, PORT, "/predict", body).status
        except Unreachable:
            return 0

    def close(self) -> None:
        """The connections are the server's."""
