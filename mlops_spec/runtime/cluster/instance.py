"""One release of a model as Kubernetes objects. Pure.

The rendered tree is production's steady state, the track `stable`. A rollout runs a second set of
the same objects beside it, the track `next`, with names of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

from mlops_spec.runtime.cluster.objects import Object, Ref, at, ref_of
from mlops_spec.terms.exposition import GETS_COPIES
from mlops_spec.terms.labels import ALL_OF_NEXT, NEXT, RELEASE, TRACK, USERS_OF_EITHER

Track = Literal["stable", "next"]
CONTAINER: Final = "service"
# What every track has its own of; accounts, policies and monitors look after both.
INSTANCED: Final = (
    "Deployment", "Service", "HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget",
)  # fmt: skip


def name_of(model: str, track: Track) -> str:
    """`flight-delay`, and `flight-delay-next` for what a rollout is judging."""
    return model if track == "stable" else f"{model}-next"


def of_model(objects: Iterable[Object], model: str) -> tuple[Object, ...]:
    """The rendered objects that every release of a model has its own of."""
    return tuple(
        found
        for found in objects
        if found["kind"] in INSTANCED and found["metadata"]["name"] == model
    )


def instance(
    objects: Iterable[Object], model: str, *,
    release: str, image: str, track: Track, copies: bool = False,
) -> tuple[Object, ...]:  # fmt: skip
    """The rendered objects of a model as one release on one track.

    `image` is by digest. The pods carry the release as a label, which is how they are found; no
    selector does, because a selector never changes. `copies`: they are sent nothing else.
    """
    return tuple(
        _instanced(found, model, _Runs(release, image, copies), track) for found in objects
    )


class _Runs(NamedTuple):
    """What the pods of a track run, and whether copies are all that they are sent."""

    release: str
    image: str
    copies: bool


def _instanced(found: Object, model: str, runs: _Runs, track: Track) -> Object:
    made: Object = _tracked(found, track)
    name = name_of(model, track)
    metadata = {**made["metadata"], "name": name}
    if track == "next":
        metadata["labels"] = {**metadata.get("labels", {}), TRACK: track}
    made = {**made, "metadata": metadata}
    match made["kind"]:
        case "HorizontalPodAutoscaler" | "ScaledObject":
            target = {**made["spec"]["scaleTargetRef"], "name": name}
            return {**made, "spec": {**made["spec"], "scaleTargetRef": target}}
        case "Deployment" | "Rollout":
            metadata["labels"] = {**metadata["labels"], RELEASE: runs.release}
            return {**made, "spec": {**made["spec"], "template": _pod(made, runs)}}
        case _:
            return made


def _pod(made: Object, runs: _Runs) -> Object:
    template = made["spec"]["template"]
    metadata = template["metadata"]
    labels = {**metadata["labels"], RELEASE: runs.release}
    containers = [
        _service(one, runs) if one["name"] == CONTAINER else one
        for one in template["spec"]["containers"]
    ]
    return {
        **template,
        "metadata": {**metadata, "labels": labels},
        "spec": {**template["spec"], "containers": containers},
    }


def _service(container: Object, runs: _Runs) -> Object:
    # A digest never changes.
    made = {**container, "image": runs.image, "imagePullPolicy": "IfNotPresent"}
    if runs.copies:
        made["env"] = [*container.get("env", []), {"name": GETS_COPIES, "value": "1"}]
    return made


def _tracked(found: Any, track: Track) -> Any:
    """A copy in which every label, selector and query of a track names this one.

    Production's scaler counts what users are answered on both tracks, since it may have to take all
    of it back; the other one counts copies, too, which are work like any other.
    """
    match found:
        case dict():
            return {k: track if k == TRACK else _tracked(v, track) for k, v in found.items()}
        case list():
            return [_tracked(item, track) for item in found]
        case str() if track == NEXT:
            return found.replace(USERS_OF_EITHER, ALL_OF_NEXT)
        case _:
            return found


def release_of(deployment: Object | None) -> str:
    """The release that a Deployment or a Rollout runs; "" for none, and where it is not ours."""
    return str(at(deployment, "spec", "template", "metadata", "labels", RELEASE, default=""))


def image_of(deployment: Object | None) -> str:
    """The image of the service in a Deployment."""
    return str(_container_of(deployment).get("image", ""))


def gets_copies(deployment: Object | None) -> bool:
    """Whether the pods of a Deployment were started for copies of requests, and nothing else."""
    return any(one["name"] == GETS_COPIES for one in _container_of(deployment).get("env", ()))


def ports_of(deployment: Object | None) -> frozenset[int]:
    """The ports on which the service in a Deployment answers."""
    return frozenset(one["containerPort"] for one in _container_of(deployment).get("ports", ()))


def _container_of(deployment: Object | None) -> Object:
    containers = at(deployment, "spec", "template", "spec", "containers", default=[])
    return next((one for one in containers if one["name"] == CONTAINER), {})


def deployment_ref(namespace: str, model: str, track: Track) -> Ref:
    return Ref("apps/v1", "Deployment", namespace, name_of(model, track))


def refs(objects: Iterable[Object]) -> tuple[Ref, ...]:
    return tuple(map(ref_of, objects))
