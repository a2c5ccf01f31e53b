"""The two tracks of one model on a cluster: `stable` serves, `next` is what a rollout judges.

The table of deployments is the truth; `follow` makes the cluster what it says, from whatever a
kill has left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from mlops_spec.runtime.cluster import instance as instances
from mlops_spec.runtime.cluster.instance import Track, deployment_ref, of_model, release_of
from mlops_spec.runtime.cluster.keeping import apply_scaler, keep, kept, let_go
from mlops_spec.runtime.cluster.objects import Object, Ref, at, in_order, ref_of
from mlops_spec.runtime.cluster.pods import ready as is_ready
from mlops_spec.runtime.cluster.recorded import Instance, instance_of, rendered_objects
from mlops_spec.runtime.cluster.route import KIND, Split, routed, taken, trouble_of
from mlops_spec.runtime.cluster.scaler import at_least, is_scaler, least_of
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.wait import Patience, Standing, wait_until_ready
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment, Deployments, Journal
from mlops_spec.terms.labels import NAME, RELEASE

# Seconds for the controller of a Gateway to take a route, and for its proxies to work with it.
TAKEN_WITHIN: Final = 60.0
SETTLED_AFTER: Final = 2.0
BOTH: Final[tuple[Track, ...]] = ("stable", "next")
Report = Callable[[Standing], None]


def silent(_: Standing) -> None:
    """Nobody watches."""


@dataclass
class Tracks:
    """One model in one namespace."""

    server: ApiServer
    namespace: str
    model: str
    journal: Journal
    deployments: Deployments
    patience: Patience = field(default_factory=Patience)
    settle: float = SETTLED_AFTER
    wall: Callable[[], float] = time.time  # pods name the moments of their answers by this clock

    def deployment(self, track: Track) -> Object | None:
        return self.server.get(deployment_ref(self.namespace, self.model, track))

    def release(self, track: Track) -> str:
        """The release that a track runs, "" for none."""
        return release_of(self.deployment(track))

    def start(
        self, track: Track, release: str, made: Instance, report: Report = silent,
        *, copies: bool = False,
    ) -> None:  # fmt: skip
        """Run a release on a track and wait until all its pods are ready: `Refusal` MLS626.

        On the stable track, until they are as many as its scaler keeps at least: production does
        not move to the one copy that a new Deployment has. `copies`: see `instance`.
        """
        objects = self._objects(track, release, made, copies=copies)
        if track == "stable":
            objects = tuple(self._kept(found) for found in objects)
        applied = [
            apply_scaler(self.server, found)
            if track == "stable" and is_scaler(found)
            else self.server.apply(found)
            for found in in_order(objects)
        ]
        self._wait(track, report, least_of(applied) if track == "stable" else 1)

    def wait_for_stable(self, report: Report = silent) -> None:
        """Wait until the stable pods are of their newest form, and as many as are rendered."""
        self._wait("stable", report, least_of(self._rendered()))

    def serves(self, release: str) -> bool:
        """Whether a release has ready pods on either track."""
        for track in BOTH:
            found = self.deployment(track)
            if found is not None and release_of(found) == release:
                return any(is_ready(pod) for pod in self.pods(release))
        return False

    def pods(self, release: str) -> tuple[Object, ...]:
        """The pods of a release, on whichever track."""
        labels = {NAME: self.model, RELEASE: release}
        return self.server.list("v1", "Pod", self.namespace, labels)

    def follow(self, report: Report = silent) -> None:
        """Make the cluster what the table says: the stable release, the split, what runs beside it.

        The route comes first, so that a release which is rolled back gets no more requests at once.
        """
        production = self.deployments.production(self.model)
        running = self.release("stable")
        if production is not None and not running:
            self._restore(production, report)
            running = production.release
        self._split(self.split())
        if production is not None and running != production.release:
            self._restore(production, report)
        if self.split().next == 0:
            let_go(self.server, self._rendered())
        if not self._beside():
            self.remove_next()

    def split(self) -> Split:
        """The share of the next track, by the table; nothing goes to a track that is not there."""
        beside = self._beside()
        if not any(row.weight > 0 or row.mirror for row in beside):
            return Split()
        release = self.release("next")
        row = next((row for row in beside if row.release == release), None)
        return Split(row.weight, row.mirror) if row is not None else Split()

    def steady(self, found: Object, split: Split, made: Instance | None) -> Object | None:
        """A rendered object as it has to be right now; None for one that a rollout has to start.

        `made` is what production was started with.
        """
        if found["kind"] == KIND and found["metadata"]["name"] == self.model:
            return routed(found, self.model, split, self._answered_ports(split))
        if is_scaler(found) and split.next > 0:
            return kept(self.server, found)
        if found["kind"] != "Deployment" or found["metadata"]["name"] != self.model:
            return found
        production = self.deployments.production(self.model)
        if production is None or made is None:
            return None
        stable = self._objects("stable", production.release, made)
        return next(one for one in stable if one["kind"] == "Deployment")

    def prepare(self) -> None:
        """Before the next track is sent anything: pods for that, and production's stay."""
        split, release = self.split(), self.release("next")
        made = instance_of(self.journal, self.model, release) if split.needs_next else None
        if made is None:
            return
        found = self.deployment("next")
        if instances.gets_copies(found) != split.mirror:
            self.start("next", release, made, copies=split.mirror)
        if split.next > 0:
            keep(self.server, self._rendered(), filter(None, map(self.deployment, BOTH)))
            self._give_room(self._objects("next", release, made), split.next)

    def _kept(self, found: Object) -> Object:
        """An object of production's: its scaler keeps what answers now, if a candidate does."""
        if not is_scaler(found) or self.split().next == 0:
            return found
        return kept(self.server, found, map(self.deployment, BOTH))

    def _give_room(self, objects: tuple[Object, ...], share: float) -> None:
        """As many pods as a share of the requests needs at today's number."""
        stable = self.deployment("stable")
        # Beside a first release nothing runs: its share is one of what will.
        today = least_of(objects) if stable is None else int(at(stable, "spec", "replicas"))
        wanted = math.ceil(share * today)
        for found in filter(is_scaler, objects):
            self.server.apply(at_least(found, wanted))
        self._wait_for_pods(wanted)

    def remove_next(self) -> None:
        """End the next track. Answers that are on their way are given: pods drain."""
        release = self.release("next")
        made = instance_of(self.journal, self.model, release) if release else None
        kinds = of_model(made.objects, self.model) if made else self._rendered()
        for found in reversed([*in_order(kinds)]):
            name = instances.name_of(self.model, "next")
            self.server.delete(Ref(found["apiVersion"], found["kind"], self.namespace, name))

    def _rendered(self) -> tuple[Object, ...]:
        """What every release has its own of, as it was last applied."""
        return of_model(rendered_objects(self.journal, self.model)[0], self.model)

    def _beside(self) -> tuple[Deployment, ...]:
        """The candidates that a rollout has started."""
        rows = self.deployments.of(self.model)
        return tuple(row for row in rows if row.role == "candidate" and row.port is not None)

    def _objects(
        self, track: Track, release: str, made: Instance, *, copies: bool = False
    ) -> tuple[Object, ...]:
        objects = of_model(made.objects, self.model)
        if track == "stable":
            objects = self._with_rendered_service(objects)
        return instances.instance(
            objects, self.model, release=release, image=made.image, track=track, copies=copies
        )

    def _with_rendered_service(self, objects: tuple[Object, ...]) -> tuple[Object, ...]:
        """The route leads to ports of the Service: both stay as rendered, whatever release runs."""
        services = tuple(one for one in self._rendered() if one["kind"] == "Service")
        rest = tuple(one for one in objects if one["kind"] != "Service")
        return (*rest, *services) if services else objects

    def _wait(self, track: Track, report: Report, least: int) -> None:
        ref = deployment_ref(self.namespace, self.model, track)
        wait_until_ready(self.server, ref, report, self.patience, least)

    def _restore(self, production: Deployment, report: Report) -> None:
        """Run on the stable track what the table says is production."""
        made = instance_of(self.journal, self.model, production.release)
        if made is not None:
            self.start("stable", production.release, made, report)

    def _split(self, split: Split) -> None:
        for found in rendered_objects(self.journal, self.model)[0]:
            if found["kind"] == KIND:
                before = self.server.get(ref_of(found))
                # Whoever else has set weights: a release that goes back gets none all the same.
                wanted = routed(found, self.model, split, self._answered_ports(split))
                after = self.server.apply(wanted, take_over=not split.needs_next)
                self._wait_until_taken(ref_of(after))
                if before is None or before.get("spec") != after.get("spec"):
                    self.patience.sleep(self.settle)

    def _answered_ports(self, split: Split) -> frozenset[int] | None:
        """What all answer on that have a share; None where nothing runs yet.

        A release that brings gRPC does not bring it to the pods of the one before. Of production,
        what it is going back to counts as well: a rule goes before what it led to.
        """
        found = [self.deployment("next")] if split.next > 0 else []
        if split.next < 1:
            production = self.deployments.production(self.model)
            made = instance_of(self.journal, self.model, production.release) if production else None
            found += [self.deployment("stable"), _deployment_of(made, self.model)]
        ports = [instances.ports_of(one) for one in found if one]
        return frozenset.intersection(*ports) if ports else None

    def _wait_until_taken(self, ref: Ref) -> None:
        deadline = self.patience.now() + TAKEN_WITHIN
        while True:
            route = self.server.get(ref)
            if route is not None and taken(route):
                return
            if self.patience.now() >= deadline:
                why = trouble_of(route) if route else "it is gone"
                raise Refusal(
                    "MLS629",
                    f"no gateway works with {ref}: {why}",
                    "look at the Gateway that it names, then the same command",
                    field=("environment", "serve", "router"),
                )
            self.patience.sleep(1.0)

    def _wait_for_pods(self, wanted: int) -> None:
        """Until a scaler has made room; one that is slow or full does not hold a rollout up."""
        deadline = self.patience.now() + TAKEN_WITHIN
        while self.patience.now() < deadline:
            found = self.deployment("next")
            if found is None or int(at(found, "status", "readyReplicas", default=0)) >= wanted:
                return
            self.patience.sleep(1.0)


def _deployment_of(made: Instance | None, model: str) -> Object | None:
    objects = of_model(made.objects, model) if made else ()
    return next((found for found in objects if found["kind"] == "Deployment"), None)
