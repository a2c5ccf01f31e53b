"""Waiting until a Deployment runs what was applied; why not, when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.cluster.explain import Trouble, troubles
from mlops_spec.runtime.cluster.objects import NAME, Object, Ref, at, labels_of, ref_of
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.refusal import Refusal

# A node that is added, an image of gigabytes and a model that loads fit into this.
READY_WITHIN: Final = 600.0  # seconds
# What waiting does not help with may still be the first second of a registry or of a quota.
HOPELESS_AFTER: Final = 20.0
POLL: Final = 1.0
LOG_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a Deployment is: pods that are wanted, that are of the newest form, and ready."""

    wanted: int
    updated: int
    ready: int
    seen: bool  # whether its controller has looked at the newest form
    old: int = 0  # pods of an older form
    troubles: tuple[Trouble, ...] = ()

    @property
    def done(self) -> bool:
        return (
            self.seen and self.ready >= self.wanted > 0 and self.updated >= self.wanted > self.old
        )

    def __str__(self) -> str:
        return f"{min(self.ready, self.updated)} of {self.wanted} pods ready"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and by which clock."""

    within: float = READY_WITHIN
    hopeless: float = HOPELESS_AFTER
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def standing_of(server: ApiServer, deployment: Object) -> Standing:
    """How far a Deployment is right now, with what stands in its way."""
    status = deployment.get("status", {})
    spec = deployment["spec"]
    wanted = int(status.get("replicas", 0) if "replicas" not in spec else spec["replicas"])
    seen = status.get("observedGeneration", 0) >= at(
        deployment, "metadata", "generation", default=0
    )
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    old = int(status.get("replicas", 0)) - int(updated)
    found = Standing(max(wanted, 1), updated, min(ready, updated) if old <= 0 else ready, seen, old)
    if found.done:
        return found
    return Standing(
        found.wanted, found.updated, found.ready, seen, old, _troubles(server, deployment)
    )


def _troubles(server: ApiServer, deployment: Object) -> tuple[Trouble, ...]:
    namespace = deployment["metadata"]["namespace"]
    labels = deployment["spec"]["selector"]["matchLabels"]
    pods = server.list("v1", "Pod", namespace, labels)
    newest = [pod for pod in pods if _is_newest(pod, deployment)]
    events = {
        name: server.events(namespace, name) for name in (p["metadata"]["name"] for p in newest)
    }
    return troubles(deployment, newest, events)


def _is_newest(pod: Object, deployment: Object) -> bool:
    """Whether a pod has every label of the newest form: an older release's pods do not count."""
    wanted = at(deployment, "spec", "template", "metadata", "labels", default={})
    labels = pod["metadata"].get("labels", {})
    return all(labels.get(name) == value for name, value in wanted.items())


def wait_until_ready(
    server: ApiServer, ref: Ref, report: Callable[[Standing], None], patience: Patience
) -> Standing:
    """Return when every pod is of the newest form and ready.

    `Refusal` MLS626 with the reason, at the field that owns it, when time is up or when waiting
    does not help.
    """
    started = patience.now()
    hopeless_since: float | None = None
    shown: Standing | None = None
    while True:
        deployment = server.get(ref)
        if deployment is None:
            raise Refusal("MLS626", f"{ref} is gone: somebody removed it", "run spec apply")
        found = standing_of(server, deployment)
        if found != shown:
            report(found)
            shown = found
        if found.done:
            return found
        now = patience.now()
        hopeless = any(trouble.hopeless for trouble in found.troubles)
        hopeless_since = (hopeless_since or now) if hopeless else None
        if hopeless_since is not None and now - hopeless_since >= patience.hopeless:
            raise not_ready(server, deployment, found, now - started)
        if now - started >= patience.within:
            raise not_ready(server, deployment, found, now - started)
        patience.sleep(POLL)


def not_ready(server: ApiServer, deployment: Object, found: Standing, seconds: float) -> Refusal:
    """Why, with the last lines of the log of what ended."""
    ref = ref_of(deployment)
    first = next((t for t in found.troubles if t.hopeless), None) or next(
        iter(found.troubles), None
    )
    details = [str(trouble) for trouble in found.troubles]
    if first is not None and first.container:
        log = server.log(
            ref.namespace, first.pod, first.container, lines=LOG_LINES, before=first.before
        )
        details += [f"{first.container}: {line}" for line in log.splitlines()[-LOG_LINES:]]
    why = f": {first.reason}: {first.words}" if first else ""
    return Refusal(
        "MLS626",
        f"{ref} is not ready after {seconds:.0f} s, {found}{why}",
        "correct it, then the same command; what served before goes on serving",
        tuple(details),
        field=_of_model(first.field, deployment) if first else (),
    )


def _of_model(field: tuple[str, ...], deployment: Object) -> tuple[str, ...]:
    """A field of a model with the model's name behind the first part."""
    kind, *path = field
    return (kind, str(labels_of(deployment).get(NAME, "")), *path) if kind == "model" else field
