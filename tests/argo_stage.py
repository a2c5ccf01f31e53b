"""Rollouts that Argo takes: the example's environment with its router, on a virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argo_tree import rendered
from cluster_api import Cluster as FakeCluster
from cluster_api import serving, write_kubeconfig
from cluster_argo import Argo
from cluster_tree import MODEL
from cluster_world import OWNER, ClusterStage, MadeUp
from rollout_world import LIMITS

from mlops_spec.runtime.cluster.argo import ArgoTrack
from mlops_spec.runtime.cluster.recorded import record_objects
from mlops_spec.runtime.cluster.tree import apply_tree
from mlops_spec.runtime.cluster.wait import Patience
from mlops_spec.runtime.declare import CanaryStep
from mlops_spec.runtime.rollout import ArgoWorld, Policy, argo, begin, trained
from mlops_spec.runtime.rollout.watch import Clock

SHARES = (0.5, 1.0)
POLICY = Policy(None, tuple(CanaryStep(s, 400, 5.0, 300.0) for s in SHARES), LIMITS)
PER_SECOND = 100


class OfArgo(MadeUp, ArgoWorld):
    """Where Argo does."""


class ArgoStage(ClusterStage):
    """A model whose runs are registered and whose images are pushed."""

    def __init__(self, root: Path, cluster: FakeCluster) -> None:
        self.argo = Argo(cluster)
        super().__init__(root, cluster)

    def _applied(self) -> None:
        apply_tree(self.server, OWNER, [o for o in rendered() if o["kind"] != "Rollout"])
        record_objects(self.context.journal, MODEL, rendered(), "s")

    def _made(self, *arguments: object) -> MadeUp:
        world = OfArgo(*arguments)
        world.tracks = ArgoTrack(
            self.server, "ml", MODEL, self.context.journal, self.context.deployments,
            Patience(now=lambda: self.now, sleep=self.sleep), wall=lambda: self.now,
        )  # fmt: skip
        return world

    @property
    def rollout(self) -> dict:
        return self.users.cluster.find("Rollout", MODEL)

    def sleep(self, seconds: float) -> None:
        """Time goes on, and users go on asking whoever is ready."""
        self.now += seconds
        with self.users.cluster.lock:
            pods = [
                k[3] for k, o in self.users.cluster.objects.items()
                if k[1] == "Pod" and o["status"]["containerStatuses"][0]["ready"]
            ]  # fmt: skip
        self.users.unanswered += not pods
        for number in range(int(PER_SECOND * seconds) if pods else 0):
            self.users.count(pods[number % len(pods)], number)

    def roll_out(self, *, retry: bool = False, policy: Policy = POLICY):
        """The rendered flow, without Prefect."""
        clock = Clock(lambda: self.now, self.sleep)
        rollout = begin(self.context, self.world, policy, retry=retry, clock=clock)
        judged = argo.deploy(rollout, argo.package(rollout))
        for plan in policy.canary:
            if judged.passed:
                judged = argo.canary(rollout, plan)
        return argo.promote(rollout) if judged.passed else argo.rollback(rollout, judged)


@contextmanager
def argo_stage(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArgoStage]:
    """A stage before a cluster of its own, where packaging is a matter of names."""
    monkeypatch.setattr(
        trained.TrainedWorld, "package", lambda _, release: f"{release.model}:{release.id}"
    )
    cluster = FakeCluster()
    with serving(cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(root / "config", url)))
        found = ArgoStage(root, cluster)
        yield found
        found.context.store.close()
