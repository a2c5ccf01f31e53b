"""What a rollout on Kubernetes does however its requests move: images, golden rows, evidence."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from mlops_spec.runtime.cluster import pods
from mlops_spec.runtime.cluster.argo_status import Progress
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.model_on_cluster import ModelOnCluster
from mlops_spec.runtime.cluster.pods import Line, asked
from mlops_spec.runtime.cluster.recorded import (
    Instance,
    image_of_release,
    record_image,
    record_instance,
    rendered_objects,
)
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.wait import Standing
from mlops_spec.runtime.declare import Cluster
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.cluster_evidence import ClusterPairs, ClusterSight
from mlops_spec.runtime.rollout.golden import golden
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.rollout.replay import Replay
from mlops_spec.runtime.rollout.trained import TrainedWorld
from mlops_spec.terms import keys
from mlops_spec.terms.verdict import Outcome, Verdict

# Requests a second through the API server, which has other work: a step of 400 takes 20 s.
RATE: Final = 20.0
CONNECTIONS: Final = 2


Model = TypeVar("Model", bound=ModelOnCluster)


@dataclass
class OnCluster(TrainedWorld, ABC, Generic[Model]):
    """The part of a `World` in a namespace that does not depend on who splits the requests."""

    cluster: Cluster

    @property
    @abstractmethod
    def tracks(self) -> Model:
        """The model in its namespace, as this world moves it."""

    def package(self, release: Release) -> str:
        """The Bento, and its image: by digest, so that what is judged is what will serve."""
        bento = super().package(release)
        if not image_of_release(self.context.journal, release.model, release.id):
            image = self._pushed(release, bento)
            record_image(self.context.journal, release.model, release.id, image)
        return bento

    def check(self, release: Release, port: int) -> tuple[Verdict, ...]:  # noqa: ARG002
        found = [pods.name_of(pod) for pod in self.tracks.pods(release.id) if pods.ready(pod)]
        if not found:
            return (Verdict("ready", Outcome.FAIL, reason="no pod is ready"),)
        answering = partial(self._predicted, release, found[0])
        return (Verdict("ready", Outcome.PASS), golden(*self.golden_rows(release), answering))

    def arms(self, release: Release, share: float) -> ClusterSight:
        return ClusterSight(self.tracks, self.context.workspace, release, share)

    def pairs(self, release: Release) -> ClusterPairs:
        return ClusterPairs(self.tracks, self.context.workspace, release, self.recipe.task)

    def traffic(self, release: Release) -> AbstractContextManager[object]:
        """A first model has no users yet: held-out rows stand in for them."""
        if release.production and not self.place.replay:
            return nullcontext()
        found = [pods.name_of(pod) for pod in self.tracks.pods(release.id) if pods.ready(pod)]
        line = partial(Line, self.tracks.server, self.cluster.namespace, found)
        return Replay(line, self.bodies(release), RATE, connections=CONNECTIONS)

    def _recorded(self, release: Release) -> Instance:
        """What the release is started with: in the journal, so that a rollback starts the same."""
        journal = self.context.journal
        objects, shape = rendered_objects(journal, release.model)
        made = Instance(objects, image_of_release(journal, release.model, release.id), shape)
        record_instance(journal, release.model, release.id, made)
        return made

    def _server(self) -> ApiServer:
        return ApiServer(connect(self.cluster.context))

    def _pushed(self, release: Release, bento: str) -> str:
        """The image, built and pushed here; `Refusal` MLS630 with the way to have it elsewhere."""
        from mlops_spec.runtime.image import pushed_image
        from mlops_spec.runtime.image.build import step_of
        from mlops_spec.runtime.service.packaging import source_of

        if not self.cluster.images:
            raise Refusal(
                "MLS630",
                f"environment {self.context.environment!r} does not say where images are pushed",
                "set `serve.images` in mlops.yaml, such as registry.example/ml",
                field=("environment", "serve", "images"),
            )
        place = f"{self.cluster.images.rstrip('/')}/{release.model}"
        folder = source_of(self.context.workspace, bento)
        key = keys.rollout_key("package", release.id, release.production)

        def heard(line: str) -> None:
            if step_of(line):
                self.context.journal.update(release.model, "package", key, {"said": line[:200]})

        try:
            return pushed_image(folder, f"{place}:{release.id}", heard)
        except Refusal as refusal:
            raise no_image(self.context.environment, release, place, folder, refusal) from refusal

    def _predicted(self, release: Release, pod: str, body: bytes) -> Any:
        """A pod's answer, which says whose it is."""
        said = json.loads(asked(self.tracks.server, self.cluster.namespace, pod, "/predict", body))
        if said.get("release") != release.id:
            raise ValueError(
                f"the image holds release {said.get('release')}, and {release.id} was asked for"
            )
        return said

    def _tell(self, step: str, release: Release, standing: Standing | Progress) -> None:
        """How far pods are, for whoever watches the step."""
        key = keys.rollout_key(step, release.id, release.production)
        troubles = [str(trouble) for trouble in standing.troubles]
        self.context.journal.update(
            release.model, step, key, {"pods": str(standing), "troubles": troubles}
        )


def no_image(
    environment: str, release: Release, place: str, folder: Path, refusal: Refusal
) -> Refusal:
    """What to do where no image of a release can be made: build it where one can be."""
    return Refusal(
        refusal.code,
        f"there is no image of release {release.id} of {release.model}: {refusal.message}",
        f"{refusal.help}; an image that was built elsewhere: spec apply --env {environment}"
        f" --image {release.model}={place}@sha256:…",
        (
            *refusal.details,
            f"build: docker build -t {place}:{release.id} {folder}",
            f"push: docker push {place}:{release.id}, which prints the digest",
        ),
        field=("environment", "serve", "images"),
    )
