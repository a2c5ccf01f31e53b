"""Waiting until a Deployment runs what was applied; why not, when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.cluster.explain import Trouble, unscaled
from mlops_spec.runtime.cluster.objects import Object, Ref, at, labels_of, ref_of
from mlops_spec.runtime.cluster.pods import ready as is_ready
from mlops_spec.runtime.cluster.pods import troubles_of
from mlops_spec.runtime.cluster.rest import rest
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.labels import NAME

# A node that is added, an image of gigabytes and a model that loads fit into this.
READY_WITHIN: Final = 600.0  # seconds
# What waiting does not help with may still be the first second of a registry or of a quota.
HOPELESS_AFTER: Final = 20.0
# Seconds between two looks while the Deployment does not change: events of its pods may.
LOOK: Final = 5.0
# What the Deployment controller calls a form of a Deployment, and its pods.
REVISION: Final = "deployment.kubernetes.io/revision"
HASH: Final = "pod-template-hash"
LOG_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a Deployment is. `ready`: pods of the newest form that take requests.

    `done`: all of them do, its controller has seen the newest form, and no older pod is left.
    """

    wanted: int
    ready: int
    done: bool = False
    troubles: tuple[Trouble, ...] = ()

    def __str__(self) -> str:
        return f"{self.ready} of {self.wanted} pods ready"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and by which clock."""

    within: float = READY_WITHIN
    hopeless: float = HOPELESS_AFTER
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Hopeless:
    """For how long waiting has not helped, on end."""

    patience: Patience
    since: float | None = None

    def over(self, troubles: Sequence[Trouble]) -> bool:
        """Whether nothing more is to be waited for, with these troubles now."""
        if not any(trouble.hopeless for trouble in troubles):
            self.since = None
            return False
        now = self.patience.now()
        self.since = now if self.since is None else self.since
        return now - self.since >= self.patience.hopeless


def standing_of(server: ApiServer, deployment: Object, least: int = 1) -> Standing:
    """How far a Deployment is right now, with what stands in its way.

    `least`: the copies that its scaler will keep, whatever it has asked for by now.
    """
    status = deployment.get("status", {})
    asked = int(at(deployment, "spec", "replicas", default=1))
    wanted = max(asked, least, 1)
    generation = at(deployment, "metadata", "generation", default=0)
    updated, ready = int(status.get("updatedReplicas", 0)), int(status.get("readyReplicas", 0))
    alone = updated == int(status.get("replicas", 0))
    seen = status.get("observedGeneration", 0) >= generation
    if seen and alone and ready >= wanted <= updated:
        return Standing(wanted, ready, done=True)
    newest = _newest_pods(server, deployment) if seen else ()
    found, count = troubles_of(server, deployment, newest), sum(map(is_ready, newest))
    if count >= asked and asked < least:
        found = (*found, unscaled(deployment, asked, least))
    return Standing(wanted, count, troubles=found)


def _newest_pods(server: ApiServer, deployment: Object) -> tuple[Object, ...]:
    """The pods of the newest form: those of older ones serve meanwhile, and do not count.

    Of one release too there are several forms; only the ReplicaSets tell their pods apart.
    """
    namespace = deployment["metadata"]["namespace"]
    labels = deployment["spec"]["selector"]["matchLabels"]
    revision = at(deployment, "metadata", "annotations", REVISION)
    for made in server.list("apps/v1", "ReplicaSet", namespace, labels):
        if revision and at(made, "metadata", "annotations", REVISION) == revision:
            return server.list("v1", "Pod", namespace, {**labels, HASH: labels_of(made)[HASH]})
    return ()


def wait_until_ready(
    server: ApiServer, ref: Ref, report: Callable[[Standing], None], patience: Patience,
    least: int = 1,
) -> Standing:  # fmt: skip
    """Return when every pod is of the newest form and ready, and there are `least` of them.

    `Refusal` MLS626 with the reason, at the field that owns it, when time is up or when waiting
    does not help.
    """
    started = moved = patience.now()
    most = 0
    hopeless = Hopeless(patience)
    shown: Standing | None = None
    while True:
        deployment = server.get(ref)
        if deployment is None:
            raise Refusal("MLS626", f"{ref} is gone: somebody removed it", "run spec apply")
        found = standing_of(server, deployment, least)
        if found != shown:
            report(found)
            shown = found
        if found.done:
            return found
        now = patience.now()
        if found.ready > most:  # many copies may take long together
            most, moved = found.ready, now
        if hopeless.over(found.troubles) or now - moved >= patience.within:
            raise not_ready(server, deployment, found, now - started)
        rest(server, deployment, patience, LOOK)


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
