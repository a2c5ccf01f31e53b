"""Why pods do not become ready, from what their status and their events say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlops_spec.runtime.cluster.objects import Object, at

# The fields of the specs that own each kind of trouble: of the environment, or of the model.
IMAGES: Final = ("environment", "serve", "images")
SERVE: Final = ("model", "serve")
RESOURCES: Final = ("model", "serve", "resources")
REPLICAS: Final = ("model", "serve", "replicas")
NAMESPACE: Final = ("environment", "serve", "namespace")
VOLUME: Final = ("environment", "serve", "volume")

_IMAGE: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
    }
)
_CONFIG: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)
_LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that stands in the way. `field`: what of the specs owns it.

    `hopeless`: waiting does not help, unlike for a node that is still coming.
    """

    pod: str
    reason: str
    words: str
    field: tuple[str, ...]
    hopeless: bool = False
    container: str = ""  # whose log has more
    before: bool = False  # in the log of the container that ended

    def __str__(self) -> str:
        return f"{self.pod}: {self.reason}: {self.words}" if self.words else self.reason


def troubles(
    deployment: Object, pods: Sequence[Object], events: Mapping[str, Sequence[Object]]
) -> tuple[Trouble, ...]:
    """Everything that keeps a Deployment from being ready. `events` are those of each pod, by name.

    Like troubles of several pods are said once.
    """
    found = [*_of_deployment(deployment)]
    for pod in pods:
        name = pod["metadata"]["name"]
        found += _of_pod(pod, events.get(name, ()))
    first: dict[tuple[str, str], Trouble] = {}
    for trouble in found:
        first.setdefault((trouble.reason, trouble.container), trouble)
    return tuple(first.values())


def unscaled(deployment: Object, asked: int, least: int) -> Trouble:
    """All pods that were asked for are ready, and the scaler has not asked for more yet."""
    words = f"its scaler has asked for {asked} of at least {least} pods so far"
    return Trouble(deployment["metadata"]["name"], "NotScaled", words, REPLICAS)


def _of_deployment(deployment: Object) -> Iterator[Trouble]:
    """Pods that were not even made: a quota, Pod Security, an account that is not there."""
    name = deployment["metadata"]["name"]
    for condition in at(deployment, "status", "conditions", default=[]):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            words = _words(condition.get("message", ""))
            yield _not_made(name, str(condition.get("reason", "FailedCreate")), words)


def _not_made(name: str, reason: str, words: str) -> Trouble:
    if "exceeded quota" in words or "must specify" in words:
        return Trouble(name, "the namespace's quota", words, RESOURCES, hopeless=True)
    if "PodSecurity" in words:
        return Trouble(name, "Pod Security refuses the pod", words, NAMESPACE, hopeless=True)
    return Trouble(name, reason, words, SERVE, hopeless=True)


def _of_pod(pod: Object, events: Sequence[Object]) -> Iterator[Trouble]:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    if status.get("reason") in ("Evicted", "Preempting", "NodeLost"):
        yield Trouble(name, status["reason"], _words(status.get("message", "")), RESOURCES)
        return
    unscheduled = _condition(pod, "PodScheduled")
    if unscheduled and unscheduled["status"] == "False":
        words = _words(unscheduled.get("message", ""))
        owner = VOLUME if "persistentvolumeclaim" in words.lower() else RESOURCES
        yield Trouble(name, unscheduled.get("reason", "Unschedulable"), words, owner)
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in containers:
        yield from _of_container(name, container, events)


def _of_container(pod: str, container: Object, events: Sequence[Object]) -> Iterator[Trouble]:
    waiting = at(container, "state", "waiting", default={})
    reason, words = str(waiting.get("reason", "")), _words(waiting.get("message", ""))
    ended = at(container, "state", "terminated") or at(container, "lastState", "terminated")
    if reason in _IMAGE:
        # A kubelet gives the same reason to `Error: ImagePullBackOff`, which says nothing.
        said = _newest(events, "Failed", unlike=("Error: ",)) or words
        yield Trouble(pod, f"the image {container['image']}", said, IMAGES, hopeless=True)
    elif reason in _CONFIG:
        yield Trouble(pod, reason, words, SERVE, hopeless=True)
    elif ended and not container.get("ready") and _failed(ended):
        yield _ended(pod, container, ended)
    elif not container.get("ready") and at(container, "state", "running"):
        said = _newest(events, "Unhealthy")
        if said:
            yield Trouble(pod, "it is not ready", said, SERVE, container=container["name"])


def _ended(pod: str, container: Object, ended: Mapping[str, Any]) -> Trouble:
    """A container that ran and stopped; one that is killed for its memory needs more."""
    often = int(container.get("restartCount", 0))
    looped = at(container, "state", "waiting", "reason") == "CrashLoopBackOff"
    before = at(container, "state", "terminated") is None
    times = f", {often} times" if often > 1 else ""
    if ended.get("reason") == "OOMKilled":
        words = f"it needs more memory than its limit{times}"
        return Trouble(pod, "OOMKilled", words, RESOURCES, looped, container["name"], before)
    words = f"it ended with {ended.get('exitCode', '?')}{times}"
    words += f": {_words(ended['message'])}" if ended.get("message") else ""
    return Trouble(
        pod, "the service does not start", words, SERVE, looped, container["name"], before
    )


def _failed(ended: Mapping[str, Any]) -> bool:
    return ended.get("exitCode", 1) != 0 or ended.get("reason") == "OOMKilled"


def _condition(pod: Object, kind: str) -> Object | None:
    conditions = at(pod, "status", "conditions", default=[])
    return next((found for found in conditions if found["type"] == kind), None)


def _newest(events: Sequence[Object], reason: str, unlike: tuple[str, ...] = ()) -> str:
    """The message of the newest event with this reason that does not begin as in `unlike`."""
    said = [
        event
        for event in events
        if event.get("reason") == reason and not event.get("message", "").startswith(unlike)
    ]
    newest = max(said, key=_when, default=None)
    return _words(newest.get("message", "")) if newest else ""


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _words(text: str) -> str:
    """One line of somebody else's text."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
