"""A rollout on Kubernetes: a second set of pods beside production's, and a route that splits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

from mlops_spec.runtime.cluster import pods
from mlops_spec.runtime.cluster.recorded import instance_of
from mlops_spec.runtime.cluster.tracks import Tracks
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.on_cluster import OnCluster
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.state import Deployment
from mlops_spec.terms.verdict import Verdict


@dataclass
class ClusterWorld(OnCluster[Tracks]):
    """The `World` of one model in a namespace where we split the requests."""

    @cached_property
    def tracks(self) -> Tracks:
        context = self.context
        return Tracks(
            self._server(), self.cluster.namespace, context.model, context.journal,
            context.deployments,
        )  # fmt: skip

    def start(self, release: Release, bento: str, *, copies: bool = False) -> int:  # noqa: ARG002
        made, report = self._recorded(release), partial(self._tell, "deploy", release)
        self.tracks.start("next", release.id, made, report, copies=copies)
        return pods.PORT

    def alive(self, deployment: Deployment) -> bool:
        return self.tracks.serves(deployment.release)

    def stop(self, release: str) -> None:
        if self.tracks.release("next") == release:
            self.tracks.remove_next()

    def publish(self) -> None:
        self.tracks.prepare()
        self.tracks.follow()

    def promote(self, release: Release, verdicts: tuple[Verdict, ...]) -> None:
        """The stable pods take over the image while the next ones still answer everything."""
        made = instance_of(self.context.journal, release.model, release.id)
        if made is None:
            raise Refusal("MLS602", f"{release.id} was never started here", "run spec apply")
        self.tracks.start("stable", release.id, made, partial(self._tell, "promote", release))
        super().promote(release, verdicts)
