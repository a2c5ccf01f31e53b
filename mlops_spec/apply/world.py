"""The world as apply changes it: files, local servers, flows on Prefect, the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlops_spec.apply.blocked import Blocked
from mlops_spec.apply.cluster import ClusterSite, cluster_variables
from mlops_spec.apply.databases import database_variables
from mlops_spec.apply.events import Event, Note
from mlops_spec.apply.follow import FlowRequest, Watch, run_flow
from mlops_spec.apply.images import use_image
from mlops_spec.apply.look import (
    FLOWS_STEP,
    context_of,
    facets_of,
    flows_digest,
    lease_of,
    plan_one,
    standing_of,
    stored_spec,
    wanted,
)
from mlops_spec.apply.site import Site
from mlops_spec.apply.stages import ModelPlan
from mlops_spec.runtime.declare import Signing
from mlops_spec.runtime.evidence.keys import signing_key
from mlops_spec.runtime.machine.processes import answers
from mlops_spec.runtime.service.restore import in_service, restore
from mlops_spec.state import Lease
from mlops_spec.state.asked import forget_asked, is_open, record_asked, record_waiting
from mlops_spec.state.lease import holder_of
from mlops_spec.targets import filesystem, platform
from mlops_spec.targets.flow_server import FlowServer
from mlops_spec.targets.prefect_runs import PrefectRuns
from mlops_spec.targets.programs import addresses
from mlops_spec.terms.digest import digest
from mlops_spec.terms.steps import ROLLOUT_FLOW, TRAIN_FLOW


@dataclass
class LiveWorld:
    """A `World` of real things. `retry` tries a release again that was rolled back."""

    site: Site
    tell: Callable[[Event], None]
    retry: bool = False
    images: Mapping[str, str] = field(default_factory=dict)  # by model: built elsewhere, by digest
    take_over: bool = False  # fields that another manager has set on the cluster

    def write_files(self) -> None:
        filesystem.write_tree(self.site.root, self.site.files)

    def start_platform(self, programs: tuple[str, ...]) -> None:
        self.restore()  # a release that is refused is better said here than in a log
        platform.start(self.site.workspace, self.site.spec, programs, self._note)

    def apply_objects(self) -> None:
        ClusterSite(self.site).apply(self._note, take_over=self.take_over)

    def serve_flows(self, model: str) -> None:
        key = flows_digest(self.site, model)
        journal = self.site.journal
        journal.start(model, FLOWS_STEP, key, "")
        databases = database_variables(self.site.model(model))
        variables = {**cluster_variables(self.site), **databases}
        platform.serve_flows(self.site.workspace, self.site.spec, model, key, variables)
        journal.finish(model, FLOWS_STEP, key, "done", {})

    def withdraw(self, model: str, releases: tuple[str, ...]) -> None:
        """Under the model's lease, so that a rollout that starts just now is not cut off."""
        with Lease(self.site.store, lease_of(self.site, model), "spec apply: withdraw"):
            if self._on_cluster:
                platform.forget(self.site.deployments, model, releases)
                ClusterSite(self.site).follow(model, self._note)
            else:
                platform.withdraw(self.site.workspace, self.site.deployments, model, releases)

    def train(self, model: str) -> None:
        linked = self.site.model(model)
        # Cards and `spec status` tell of a candidate before it is applied, if it ever is.
        facets = facets_of(self.site, linked)
        record_asked(self.site.journal, model, facets, stored_spec(self.site, linked))
        self._run(model, TRAIN_FLOW, {})

    def rollout(self, model: str) -> None:
        if self.site.spec.traffic == "users":
            self._note(self._waits_for_users(model))
        standing = standing_of(self.site, self.site.model(model))
        run = standing.run
        if model in self.images and standing.release:
            holder = self._holder(model)
            use_image(self.site, standing, self.images[model], holder, self._note)
        self._run(model, ROLLOUT_FLOW, {"run": run, "retry": self.retry})

    def _waits_for_users(self, model: str) -> str:
        """Where nobody asks, a step waits to its end: said before it does."""
        each = self.site.model(model).rollout.canary.each
        place = dict(addresses(self.site.workspace, (model,))).get(model, "")
        where = f" at {place}predict" if place else ""
        return (
            f"steps wait for {each.min_requests:,} requests of users{where}, {each.at_most} at "
            "most; where there are none, `traffic: replay` in mlops.yaml sends held-out rows"
        )

    def record(self, model: str) -> None:
        self._tag_again(model)
        self.site.journal.record_applied(model, stored_spec(self.site, self.site.model(model)))
        forget_asked(self.site.journal, model)

    def _tag_again(self, model: str) -> None:
        """Gates that return decide nothing anew; the registry still has the words of the others."""
        linked = self.site.model(model)
        standing = standing_of(self.site, linked)
        run = standing.run or ""
        gated = [
            step for step in self.site.journal.steps(model, step="gate", run=run)
            if step.status == "done"
        ]  # fmt: skip
        if standing.serving and gated and gated[-1].digest != standing.gate_key:
            from mlops_spec.runtime.train.registry import tag_again

            tag_again(context_of(self.site, linked), run, self.site.spec.registry)

    def settle(self, blocked: tuple[Blocked, ...]) -> None:
        """Specs that were changed back are true, and ask for the candidate of before no more.

        What stopped for a person's word is remembered, so that `spec status` asks for it.
        """
        stopped = {one.model: one for one in blocked}
        for model in self.site.project.models:
            if model.name not in stopped and is_open(self.site.journal, model.name):
                self.record(model.name)
            elif model.name in stopped and stopped[model.name].asks_a_person:
                standing = standing_of(self.site, model)
                if standing.run and standing.release:
                    record_waiting(self.site.journal, model.name, standing.run, standing.release)

    def plan_again(self, model: str) -> ModelPlan:
        return plan_one(self.site, self.site.model(model))

    @cached_property
    def _prefect(self) -> PrefectRuns:
        return PrefectRuns(platform.environment_variables(self.site.workspace, self.site.spec))

    def _run(self, model: str, flow: str, parameters: dict[str, Any]) -> None:
        """Run a flow; the key is that of everything the flow depends on, so that a rerun joins."""
        want = wanted(self.site, self.site.model(model))
        live = self.site.deployments.production(model)
        key = digest(
            flow, dict(want.facets), want.fingerprint, live.release if live else "", parameters
        )
        server = FlowServer(self.site.workspace, model, time.time())
        run_flow(
            self._prefect,
            Watch(self.site.journal, self._holder, self.tell, server.trouble),
            model,
            flow,
            FlowRequest(self.site.environment, f"{model}-{flow}-{key}", parameters),
        )

    def restore(self) -> None:
        """What serves, or could come back, must have evidence before it is started."""
        found = self.site.spec.signing
        signing = Signing(found.public_key, found.key_env) if found else None
        if signing is not None and not answers(self.site.workspace):
            # Flows inherit it from the supervisor that is started now: better said before training.
            signing_key(self.site.workspace, signing)
        if self._on_cluster:
            return  # an image has its evidence
        for model in self.site.project.models:
            place = context_of(self.site, model)
            for deployed in in_service(self.site.deployments.of(model.name)):
                made = restore(place, deployed, signing)
                if made:
                    self._note(f"{model.name} {deployed.release}: its {made} was made again")

    @property
    def _on_cluster(self) -> bool:
        return self.site.spec.serve.on == "kubernetes"

    def _holder(self, model: str) -> str | None:
        return holder_of(self.site.store, lease_of(self.site, model))

    def _note(self, text: str) -> None:
        self.tell(Note(text))
