"""A rollout on this machine: processes under the supervisor, Envoy, MLflow, the prediction logs."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Dataset, Recipe, Service, Signing
from mlops_spec.runtime.machine import processes
from mlops_spec.runtime.machine.environment import environment_variables
from mlops_spec.runtime.machine.ports import forget_port, port_for
from mlops_spec.runtime.machine.waiting import answers_ok, wait_until_answering
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.evidence import CanarySight, ShadowSight
from mlops_spec.runtime.rollout.golden import golden, spread
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.rollout.replay import Replay, body_of
from mlops_spec.runtime.rollout.request_rows import request_rows
from mlops_spec.runtime.router import envoy
from mlops_spec.state import Deployment
from mlops_spec.terms.verdict import Outcome, Verdict

if TYPE_CHECKING:
    import pandas as pd

# Seconds from the start of a process to its readiness: importing and loading, on a busy machine.
READY_WITHIN: Final = 90.0
# Rows that a replay sends again and again: enough for the mix of all held-out rows.
REPLAYED_ROWS: Final = 5_000
# Seconds for answers on their way, between the router's leaving a release and the end of it.
DRAIN: Final = 0.5
BEFORE_PRODUCTION: Final = ("candidate", "staging", "validation")


@dataclass(frozen=True, slots=True)
class Place:
    """The registry's address (`sqlite`: a file of ours), whether to replay held-out rows, and whose
    key signs evidence (None: the workspace's own).
    """

    registry: str
    replay: bool
    signing: Signing | None = None


@dataclass
class LocalWorld:
    """The `World` of one model on this machine."""

    context: Context
    dataset: Dataset
    recipe: Recipe
    service: Service
    place: Place

    def package(self, release: Release) -> str:
        from mlops_spec.runtime.service.packaging import package

        signing = self.place.signing
        return package(self.context, release.run, release.id, release.version, signing)

    def start(self, release: Release, bento: str) -> int:
        from mlops_spec.runtime.service.packaging import serve_command

        workspace, name = self.context.workspace, self._program(release.id)
        port = port_for(workspace, name)
        command = serve_command(workspace, bento, port, self.service.workers)
        variables = environment_variables(workspace, registry=self.place.registry)
        if self.place.signing is not None:
            variables[self.place.signing.key_env] = ""  # whoever answers requests signs nothing
        program = processes.Program(
            name, command.argv, self.context.root, {**variables, **command.environment}
        )
        processes.keep(workspace, program)
        return port

    def check(self, release: Release, port: int) -> tuple[Verdict, ...]:
        name, url = self._program(release.id), _address(port)
        checks = {name: lambda: answers_ok(f"{url}/readyz")}
        try:
            wait_until_answering(self.context.workspace, checks, READY_WITHIN)
        except Refusal as refusal:
            reason = "; ".join((refusal.message, *refusal.details[-3:]))
            return (Verdict("ready", Outcome.FAIL, reason=reason),)
        rows, answers = spread(self._heldout(release)), spread(self._answers(release))
        asked = request_rows(rows, self.dataset, self.recipe.features)
        return (Verdict("ready", Outcome.PASS), golden(asked, answers["score"], url))

    def alive(self, deployment: Deployment) -> bool:
        return deployment.port is not None and answers_ok(f"{_address(deployment.port)}/readyz")

    def stop(self, release: str) -> None:
        time.sleep(DRAIN)
        name = self._program(release)
        processes.remove(self.context.workspace, name)
        forget_port(self.context.workspace, name)

    def publish(self) -> None:
        envoy.publish(self.context.workspace, self.context.deployments)

    def arms(self, release: Release, share: float) -> CanarySight:
        return CanarySight(self.context.workspace, release, share)

    def pairs(self, release: Release) -> ShadowSight:
        return ShadowSight(self.context.workspace, release, self.recipe.task)

    def traffic(self, release: Release) -> AbstractContextManager[object]:
        if not self.place.replay:
            return nullcontext()
        url = envoy.model_url(self.context.workspace, self.context.model)
        return Replay(f"{url}predict", self._bodies(release))

    def stage(self, release: Release) -> None:
        from mlops_spec.runtime.train.registry import promote

        promote(self.context, release.run, "staging", self.place.registry)
        self._keep_evidence(release)

    def validate(self, release: Release) -> None:
        from mlops_spec.runtime.train.registry import promote

        promote(self.context, release.run, "validation", self.place.registry)

    def promote(self, release: Release, verdicts: tuple[Verdict, ...]) -> None:
        from mlops_spec.runtime.train.registry import promote

        promote(self.context, release.run, "production", self.place.registry)
        self._tag(release, {"mlops_spec.rollout": "\n".join(v.line() for v in verdicts)})

    def quarantine(self, release: Release, reason: str) -> None:
        self._tag(release, {"mlops_spec.quarantined": reason}, drop=BEFORE_PRODUCTION)

    def _keep_evidence(self, release: Release) -> None:
        """The signed verdicts stand in the registry too, under the release that carries them."""
        from mlops_spec.runtime.service.packaging import evidence_of
        from mlops_spec.runtime.train.tracking import client_of

        place = evidence_of(self.context.workspace, f"{release.model}:{release.id}")
        with client_of(self.context, self.place.registry) as client:
            tracked = client.get_model_version(release.model, release.version).run_id
            client.log_artifact(tracked, str(place), f"releases/{release.id}")

    def _tag(self, release: Release, tags: dict[str, str], *, drop: tuple[str, ...] = ()) -> None:
        from mlops_spec.runtime.train.tracking import client_of
        from mlops_spec.runtime.train.verdict_tags import VALUE_LENGTH

        with client_of(self.context, self.place.registry) as client:
            for name, value in tags.items():
                client.set_model_version_tag(
                    release.model, release.version, name, value[:VALUE_LENGTH]
                )
            aliases = client.get_registered_model(release.model).aliases
            for alias in drop:
                if str(aliases.get(alias, "")) == release.version:
                    client.delete_registered_model_alias(release.model, alias)

    def _program(self, release: str) -> str:
        return envoy.cluster_name(self.context.model, release)

    def _bodies(self, release: Release) -> list[bytes]:
        # Shuffled, because held-out rows are in order of time and a short step would see one day.
        rows = self._heldout(release).tail(REPLAYED_ROWS).sample(frac=1, random_state=0)
        return [body_of(row) for row in request_rows(rows, self.dataset, self.recipe.features)]

    def _heldout(self, release: Release) -> pd.DataFrame:
        from mlops_spec.runtime.train.evaluation import heldout_rows

        return heldout_rows(self.context, release.run)

    def _answers(self, release: Release) -> pd.DataFrame:
        from mlops_spec.runtime.train.evaluation import heldout_answers

        return heldout_answers(self.context, release.run)


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"
