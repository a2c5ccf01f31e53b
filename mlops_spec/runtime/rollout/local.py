"""A rollout on this machine: processes under the supervisor, Envoy, MLflow, the prediction logs."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.machine import processes
from mlops_spec.runtime.machine.environment import environment_variables
from mlops_spec.runtime.machine.ports import forget_port, grpc_of, port_for
from mlops_spec.runtime.machine.waiting import answers_ok, wait_until_answering
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.evidence import CanarySight, ShadowSight
from mlops_spec.runtime.rollout.golden import answer_at, golden
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.rollout.replay import Replay
from mlops_spec.runtime.rollout.trained import TrainedWorld
from mlops_spec.runtime.router import envoy
from mlops_spec.state import Deployment
from mlops_spec.terms.verdict import Outcome, Verdict

# Seconds from the start of a process to its readiness: importing and loading, on a busy machine.
READY_WITHIN: Final = 90.0
# Seconds for answers on their way, between the router's leaving a release and the end of it.
DRAIN: Final = 0.5


@dataclass
class LocalWorld(TrainedWorld):
    """The `World` of one model on this machine."""

    def start(
        self, release: Release, bento: str, *, copies: bool = False,  # noqa: ARG002
    ) -> int:  # fmt: skip
        # The router marks each copy.
        from mlops_spec.runtime.service.packaging import serve_command

        workspace, name = self.context.workspace, self._program(release.id)
        port = port_for(workspace, name)
        grpc = port_for(workspace, grpc_of(name)) if self.service.grpc else 0
        command = serve_command(workspace, bento, port, self.service.workers, grpc)
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
        return (Verdict("ready", Outcome.PASS), golden(*self.golden_rows(release), answer_at(url)))

    def alive(self, deployment: Deployment) -> bool:
        return deployment.port is not None and answers_ok(f"{_address(deployment.port)}/readyz")

    def stop(self, release: str) -> None:
        time.sleep(DRAIN)
        name = self._program(release)
        processes.remove(self.context.workspace, name)
        forget_port(self.context.workspace, name)
        forget_port(self.context.workspace, grpc_of(name))

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
        return Replay(f"{url}predict", self.bodies(release))

    def _program(self, release: str) -> str:
        return envoy.cluster_name(self.context.model, release)


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"
