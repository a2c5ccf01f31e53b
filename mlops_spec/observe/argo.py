"""What Argo makes of a model's Rollout: the versions that run, and how far a new one is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlops_spec.runtime.cluster.argo_status import HASH, Progress, progress_of, rollout_ref
from mlops_spec.runtime.cluster.objects import Object, at, labels_of
from mlops_spec.runtime.cluster.pods import ready, troubles_of
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.terms.labels import RELEASE


@dataclass(frozen=True, slots=True)
class Version:
    """The pods of one template. `stable`: it was promoted; `share`: of all that are ready."""

    release: str
    stable: bool
    ready: int
    pods: int
    share: float
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rolling:
    """A Rollout as it is now."""

    progress: Progress
    versions: tuple[Version, ...]


def look_at_rollout(server: ApiServer, namespace: str, model: str) -> Rolling | None:
    """None where no release was ever started."""
    found = server.get(rollout_ref(namespace, model))
    if found is None:
        return None
    progress = progress_of(found)
    selected = at(found, "spec", "selector", "matchLabels", default={})
    pods = server.list("v1", "Pod", namespace, selected)
    return Rolling(progress, tuple(_versions(server, found, progress, pods)))


def _versions(
    server: ApiServer, rollout: Object, progress: Progress, pods: tuple[Object, ...]
) -> Iterator[Version]:
    """What serves first; a pod that is about to end is of no version any more."""
    up = sum(map(ready, pods))
    for version in dict.fromkeys((progress.stable or progress.current, progress.current)):
        mine = [pod for pod in pods if labels_of(pod).get(HASH) == version]
        waiting = [pod for pod in mine if not ready(pod)]
        if mine:
            yield Version(
                labels_of(mine[0]).get(RELEASE, ""), version == progress.stable,
                len(mine) - len(waiting), len(mine), (len(mine) - len(waiting)) / max(up, 1),
                tuple(map(str, troubles_of(server, rollout, waiting))),
            )  # fmt: skip
