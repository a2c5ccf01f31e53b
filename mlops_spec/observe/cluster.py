"""What runs on the cluster of an environment, and why what does not: read, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from mlops_spec.model.spec.project import ServeOn
from mlops_spec.observe.argo import Rolling, look_at_rollout
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.instance import Track, deployment_ref, name_of, release_of
from mlops_spec.runtime.cluster.objects import Object, Ref
from mlops_spec.runtime.cluster.route import KIND, shares, taken, trouble_of
from mlops_spec.runtime.cluster.scaler import SCALERS, least_of
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.wait import standing_of
from mlops_spec.runtime.refusal import Refusal

# Somebody who asks for the status waits no longer for a cluster that is gone.
LOOK_FOR: Final = 3.0
_GATEWAY: Final = "gateway.networking.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Running:
    """One release on the cluster: its pods, its share of requests, and what stands in its way."""

    model: str
    track: Literal["stable", "next"]
    release: str
    pods: str
    ready: bool
    share: float
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """A namespace as it is now. `unseen` says why it could not be looked at."""

    place: str
    running: tuple[Running, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()  # model, and why its route is not in force
    unseen: str = ""
    rollouts: tuple[tuple[str, str], ...] = ()  # model, and how far Argo is with it

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def look_at_cluster(serve: ServeOn, models: tuple[str, ...]) -> ClusterStatus:
    """The releases of these models on their cluster."""
    place = f"namespace {serve.namespace}"
    try:
        server = ApiServer(connect(serve.context or ""), LOOK_FOR)
        place = f"{place}, {server.connection}"
        if serve.router == "argo-rollouts":
            return _with_argo(place, server, serve.namespace, models)
        return ClusterStatus(
            place,
            tuple(found for model in models for found in _running(server, serve.namespace, model)),
            tuple(found for model in models for found in _routes(server, serve.namespace, model)),
        )
    except Refusal as refusal:
        return ClusterStatus(place, unseen=refusal.message)


def _with_argo(
    place: str, server: ApiServer, namespace: str, models: tuple[str, ...]
) -> ClusterStatus:
    looked = ((model, look_at_rollout(server, namespace, model)) for model in models)
    found = [(model, rolling) for model, rolling in looked if rolling is not None]
    return ClusterStatus(
        place,
        tuple(version for model, rolling in found for version in _versions(model, rolling)),
        rollouts=tuple(
            (model, str(rolling.progress)) for model, rolling in found
            if not rolling.progress.healthy
        ),
    )  # fmt: skip


def _versions(model: str, rolling: Rolling) -> Iterator[Running]:
    for found in rolling.versions:
        yield Running(
            model,
            "stable" if found.stable else "next",
            found.release,
            f"{found.ready} of {found.pods} pods ready",
            found.ready == found.pods,
            found.share,
            found.troubles,
        )


def _running(server: ApiServer, namespace: str, model: str) -> Iterator[Running]:
    weights = _shares(server, namespace, model)
    tracks: tuple[Track, ...] = ("stable", "next")
    for track in tracks:
        found = server.get(deployment_ref(namespace, model, track))
        if found is not None:
            standing = standing_of(
                server, found, least_of(_scalers(server, namespace, model, track))
            )
            yield Running(
                model,
                track,
                release_of(found),
                str(standing),
                standing.done,
                weights.get(name_of(model, track), 0.0),
                tuple(map(str, standing.troubles)),
            )


def _scalers(server: ApiServer, namespace: str, model: str, track: Track) -> Iterator[Object]:
    """What owns the number of a track's pods: a Deployment that is new has one until then."""
    for api, kind in SCALERS:
        found = None
        if server.knows(api, kind):
            found = server.get(Ref(api, kind, namespace, name_of(model, track)))
        if found is not None:
            yield found


def _shares(server: ApiServer, namespace: str, model: str) -> dict[str, float]:
    if not server.knows(_GATEWAY, KIND):
        return {}
    route = server.get(Ref(_GATEWAY, KIND, namespace, model))
    return shares(route) if route is not None else {}


def _routes(server: ApiServer, namespace: str, model: str) -> Iterator[tuple[str, str]]:
    if not server.knows(_GATEWAY, KIND):
        return
    route = server.get(Ref(_GATEWAY, KIND, namespace, model))
    if route is not None and not taken(route):
        yield model, trouble_of(route)
