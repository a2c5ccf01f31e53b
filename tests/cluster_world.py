"""A rollout against the test cluster: real objects, real HTTP, a virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cluster_api import Cluster as FakeCluster
from cluster_api import serving, write_kubeconfig
from cluster_tree import MODEL, rendered
from cluster_users import Users
from rollout_world import FACETS, LIMITS

from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.objects import Owner
from mlops_spec.runtime.cluster.recorded import record_image, record_objects
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tracks import Tracks
from mlops_spec.runtime.cluster.tree import apply_tree
from mlops_spec.runtime.cluster.wait import Patience
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import CanaryStep, Cluster, Column, Dataset, Parquet, Recipe, Split
from mlops_spec.runtime.declare import Service as Shape
from mlops_spec.runtime.rollout import Place, Policy, begin, steps, trained
from mlops_spec.runtime.rollout.cluster import ClusterWorld
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.rollout.watch import Clock
from mlops_spec.state import Store
from mlops_spec.terms import keys
from mlops_spec.terms.workspace import Workspace

OWNER = Owner("flights", "production")
POLICY = Policy(None, tuple(CanaryStep(s, 400, 5.0, 300.0) for s in (0.05, 0.25, 1.0)), LIMITS)
PER_SECOND = 100


class MadeUp:
    """Registry and held-out rows are made up; the cluster is asked over HTTP."""

    named: dict[str, str]

    def _name(self, release: Release, alias: str) -> None:
        self.named[alias] = release.version

    def _tag(self, release: Release, tags: dict[str, str], *, drop: tuple[str, ...] = ()) -> None:
        self.named.update({name: release.version for name in tags})

    def _keep_evidence(self, release: Release) -> None:
        """There is no registry."""

    def golden_rows(self, release: Release) -> tuple[list[dict], pd.Series]:
        return [{"x": 1.0}] * 3, pd.Series([0.5] * 3)

    def bodies(self, release: Release) -> list[bytes]:
        return [b'{"rows": [{"x": 1.0}]}']

    def traffic(self, release: Release) -> AbstractContextManager[object]:
        return nullcontext()


class World(MadeUp, ClusterWorld):
    """Where we split the requests."""


class ClusterStage:
    """A model whose runs are registered and whose images are pushed, on a virtual clock."""

    def __init__(self, root: Path, cluster: FakeCluster) -> None:
        self.now = 1000.0
        self.waits: int | None = None
        self.users = Users(cluster, MODEL, clock=lambda: self.now)
        cluster.answering = self.users.answering
        workspace = Workspace.of(root, "production")
        self.context = Context(
            MODEL, root, workspace, Store.at(workspace.state, clock=lambda: self.now), FACETS
        )
        self.server = ApiServer(connect(), patience=0.3)
        self.world = self._world()
        self._applied()

    def _applied(self) -> None:
        """What apply has done before a rollout."""
        apply_tree(self.server, OWNER, [o for o in rendered() if o["kind"] != "Deployment"])
        record_objects(self.context.journal, MODEL, rendered(), FACETS["serve"])

    def _world(self) -> MadeUp:
        dataset = Dataset(
            "d",
            Parquet("x"),
            "k",
            None,
            "y",
            (Column("x", "float"),),
            Split("random", 0.2, 0.1),
            0.0,
        )
        recipe = Recipe("binary", ("x",), "a.B", {}, 0, None)
        world = self._made(
            self.context, dataset, recipe, Shape(MODEL, 1, 10, 2.0), Place("sqlite", False),
            Cluster("ml", "registry.example/ml"),
        )  # fmt: skip
        world.named = {}
        return world

    def _made(self, *arguments: Any) -> MadeUp:
        world = World(*arguments)
        world.tracks = Tracks(
            self.server, "ml", MODEL, self.context.journal, self.context.deployments,
            Patience(now=lambda: self.now, sleep=self.sleep), wall=lambda: self.now,
        )  # fmt: skip
        return world

    def image(self, run: str) -> str:
        number = int(run.removeprefix("run"))
        return f"registry.example/ml/{MODEL}@sha256:{number:064x}"

    def register(self, run: str, version: str) -> str:
        """Register a run and push its image; its release."""
        self.now += 1
        journal, release = self.context.journal, keys.release_id(run, FACETS)
        journal.start(MODEL, "register", f"register-{run}", run)
        journal.finish(MODEL, "register", f"register-{run}", "done", {"version": version})
        record_image(journal, MODEL, release, self.image(run))
        return release

    def sleep(self, seconds: float) -> None:
        """Time goes on, and users go on asking."""
        self.now += seconds
        if self.users.cluster.find("HTTPRoute", MODEL):
            self.users.ask(int(PER_SECOND * seconds))

    def roll_out(self, *, retry: bool = False, policy: Policy = POLICY):
        """The rendered flow, without Prefect."""
        clock = Clock(lambda: self.now, self.sleep)
        rollout = begin(self.context, self.world, policy, retry=retry, clock=clock)
        judged = steps.deploy(rollout, steps.package(rollout))
        if judged.passed and policy.shadow:
            judged = steps.shadow(rollout, policy.shadow)
        for plan in policy.canary:
            if judged.passed:
                judged = steps.canary(rollout, plan)
        return steps.promote(rollout) if judged.passed else steps.rollback(rollout, judged)

    def judged(self, step: str, release: str, production: str) -> dict | None:
        """What a step recorded."""
        key = keys.rollout_key(step, release, production)
        found = self.context.journal.done(MODEL, step, key)
        return found.output if found else None

    def roles(self) -> dict[str, tuple[str, float]]:
        return {d.release: (d.role, d.weight) for d in self.context.deployments.of(MODEL)}


@contextmanager
def cluster_stage(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClusterStage]:
    """A stage before a cluster of its own, where packaging is a matter of names."""
    monkeypatch.setattr(
        trained.TrainedWorld, "package", lambda _, release: f"{release.model}:{release.id}"
    )
    cluster = FakeCluster()
    with serving(cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(root / "config", url)))
        found = ClusterStage(root, cluster)
        yield found
        found.context.store.close()
