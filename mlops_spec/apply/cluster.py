"""An environment on Kubernetes, as plan and apply look at it and change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mlops_spec.apply.site import Site
from mlops_spec.apply.stages import ApplyObjects
from mlops_spec.model.facets import facets
from mlops_spec.model.project import LinkedModel
from mlops_spec.model.spec.base import Change
from mlops_spec.runtime.cluster import tree
from mlops_spec.runtime.cluster.argo import ArgoTrack
from mlops_spec.runtime.cluster.argo_status import KIND as ROLLOUT
from mlops_spec.runtime.cluster.argo_status import Progress, rollout_ref
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.instance import deployment_ref
from mlops_spec.runtime.cluster.model_on_cluster import ModelOnCluster
from mlops_spec.runtime.cluster.objects import Object, Owner, at
from mlops_spec.runtime.cluster.recorded import (
    Instance,
    instance_of,
    known_objects,
    record_instance,
    record_objects,
)
from mlops_spec.runtime.cluster.refused import Unreachable
from mlops_spec.runtime.cluster.route import KIND as ROUTE
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tracks import Tracks
from mlops_spec.runtime.cluster.tree import Difference, apply_tree, difference
from mlops_spec.runtime.cluster.wait import Standing

# A plan does not wait for a cluster that is gone; apply does.
_LOOK_FOR: Final = 3.0  # seconds
_FIELDS: Final = 4  # of a changed object, as a plan shows it


@dataclass
class ClusterSite:
    """One environment's namespace. `patience`: seconds that a server may be busy or gone."""

    site: Site
    patience: float = 30.0

    @cached_property
    def server(self) -> ApiServer:
        return ApiServer(connect(self.site.spec.serve.context or ""), self.patience)

    @property
    def owner(self) -> Owner:
        return Owner(self.site.project.name, self.site.environment)

    def tracks(self, model: str) -> Tracks:
        return Tracks(
            self.server,
            self.site.spec.serve.namespace,
            model,
            self.site.journal,
            self.site.deployments,
        )

    def argo(self, model: str) -> ArgoTrack:
        return ArgoTrack(
            self.server,
            self.site.spec.serve.namespace,
            model,
            self.site.journal,
            self.site.deployments,
        )

    @property
    def with_argo(self) -> bool:
        return self.site.spec.serve.router == "argo-rollouts"

    def rendered(self) -> tuple[Object, ...]:
        """Every object of the tree, as it was rendered."""
        return (
            *self._shared,
            *(one for model in self.site.project.models for one in self._of(model)),
        )

    def difference(self) -> Difference:
        """How the cluster differs from what it should be right now. Reads only."""
        return difference(self.server, self.owner, tuple(self._wanted()), self.rendered())

    def apply(self, note: Callable[[str], None], *, take_over: bool) -> None:
        """Apply what differs, remember it for rollouts, and wait for pods that it has changed."""
        before = {model.name: self._generation(model.name) for model in self.site.project.models}
        wanted = tuple(self._wanted())
        apply_tree(self.server, self.owner, wanted, self.rendered(), take_over=take_over)
        for model in self.site.project.models:
            self._remember(model)
            if self._generation(model.name) != before[model.name]:
                self._wait(model.name, note)

    @property
    def remembered(self) -> bool:
        """Whether the next rollout of each model would start what is rendered now."""
        return all(
            known_objects(self.site.journal, model.name) == (self._of(model), self._shape(model))
            for model in self.site.project.models
        )

    def follow(self, model: str, note: Callable[[str], None]) -> None:
        """Make traffic what the table says, and end what runs beside production."""
        found: ModelOnCluster = self.argo(model) if self.with_argo else self.tracks(model)
        found.follow(_told(model, note))

    def _wait(self, model: str, note: Callable[[str], None]) -> None:
        """Until pods that were changed are ready; Argo's rollouts are waited for by flows."""
        if not self.with_argo:
            self.tracks(model).wait_for_stable(_told(model, note))
            return
        production, track = self.site.deployments.production(model), self.argo(model)
        if production is not None and track.release() == production.release:
            track.until(lambda found: found.healthy, _told(model, note), judged=False)

    @property
    def _shared(self) -> tuple[Object, ...]:
        return self.site.objects.get("", ())

    def _of(self, model: LinkedModel) -> tuple[Object, ...]:
        return self.site.objects.get(model.name, ())

    def _shape(self, model: LinkedModel) -> str:
        return facets(model, self.site.spec)[Change.SERVE]

    def _wanted(self) -> Iterator[Object]:
        """Every object as it has to be right now: during a rollout the route is split."""
        yield from self._shared
        for model in self.site.project.models:
            yield from self._with_argo(model) if self.with_argo else self._of_tracks(model)

    def _of_tracks(self, model: LinkedModel) -> Iterator[Object]:
        tracks, made = self.tracks(model.name), self._instance(model)
        split = tracks.split()
        for found in self._of(model):
            steady = tracks.steady(found, split, made)
            if steady is not None:
                yield steady

    def _with_argo(self, model: LinkedModel) -> Iterator[Object]:
        argo = self.argo(model.name)
        steady = argo.steady(self._instance(model))
        for found in self._of(model):
            if found["kind"] != ROLLOUT:
                yield argo.routed(found) if found["kind"] == ROUTE else found
        if steady is not None:
            yield steady

    def _instance(self, model: LinkedModel) -> Instance | None:
        """What production was started with, in today's form where that makes no other release."""
        live = self.site.deployments.production(model.name)
        made = instance_of(self.site.journal, model.name, live.release) if live else None
        if made is None or made.shape != self._shape(model):
            return made
        return Instance(self._of(model), made.image, made.shape)

    def _remember(self, model: LinkedModel) -> None:
        record_objects(self.site.journal, model.name, self._of(model), self._shape(model))
        live, made = self.site.deployments.production(model.name), self._instance(model)
        if live is not None and made is not None:
            record_instance(self.site.journal, model.name, live.release, made)

    def _generation(self, model: str) -> int:
        """Which form of the Deployment, or of the Rollout, this is; 0 while there is none."""
        namespace = self.site.spec.serve.namespace
        stable = deployment_ref(namespace, model, "stable")
        found = self.server.get(rollout_ref(namespace, model) if self.with_argo else stable)
        return int(at(found, "metadata", "generation", default=0))


def cluster_variables(site: Site) -> dict[str, str]:
    """What flows are given so that they roll out where apply applies; {} without a cluster."""
    if site.spec.serve.on != "kubernetes":
        return {}
    return connect(site.spec.serve.context or "").variables()


def objects_stage(site: Site) -> Iterator[ApplyObjects]:
    """What differs on the cluster, or that it could not be looked at."""
    if site.spec.serve.on != "kubernetes":
        return
    cluster = ClusterSite(site, patience=_LOOK_FOR)
    place = f"namespace {site.spec.serve.namespace}"
    try:
        found, place = cluster.difference(), f"{place}, {cluster.server.connection}"
    except Unreachable as refusal:
        yield ApplyObjects(place, unseen=refusal.message)
        return
    if not found.empty or not cluster.remembered:
        yield ApplyObjects(
            place,
            created=tuple(str(change.ref) for change in found.changed if change.new),
            changed=tuple(_changed(change) for change in found.changed if not change.new),
            removed=tuple(map(str, found.removed)),
        )


def _changed(change: tree.Change) -> str:
    shown = ", ".join(change.fields[:_FIELDS])
    more = len(change.fields) - _FIELDS
    said = f"{change.ref}: {shown}" + (f" and {more} more" if more > 0 else "")
    return f"{said}; {change.contested}: --take-over" if change.contested else said


def _told(model: str, note: Callable[[str], None]) -> Callable[[Standing | Progress], None]:
    def tell(standing: Standing | Progress) -> None:
        troubles = "".join(f"; {trouble}" for trouble in standing.troubles)
        note(f"{model}: {standing}{troubles}")

    return tell
