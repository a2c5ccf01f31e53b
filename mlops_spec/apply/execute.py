"""Walk the stages. Every effect is idempotent: the same command finishes what was cut short."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, assert_never

from mlops_spec.apply.blocked import Blocked, exit_code_of
from mlops_spec.apply.events import Event, StageEnded, StageStarted, Stopped
from mlops_spec.apply.follow import FlowFailed
from mlops_spec.apply.stages import (
    ApplyObjects,
    ApplyPlan,
    ModelPlan,
    Preparation,
    Record,
    Restore,
    Rollout,
    ServeFlows,
    Stage,
    StartPlatform,
    Train,
    Withdraw,
    WriteFiles,
)

Tell = Callable[[Event], None]


class World(Protocol):
    """Everything outside that apply changes. Each call returns when its effect is there."""

    def write_files(self) -> None: ...

    def restore(self) -> None: ...

    def start_platform(self, programs: tuple[str, ...]) -> None: ...

    def apply_objects(self) -> None: ...

    def serve_flows(self, model: str) -> None: ...

    def withdraw(self, model: str, releases: tuple[str, ...]) -> None: ...

    def train(self, model: str) -> None: ...

    def rollout(self, model: str) -> None: ...

    def record(self, model: str) -> None: ...

    def plan_again(self, model: str) -> ModelPlan:
        """The plan of a model as the world is now."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an apply ended: the decisions that stopped models, and the flows that broke."""

    blocked: tuple[Blocked, ...]
    failed: tuple[FlowFailed, ...]

    @property
    def exit_code(self) -> int:
        """1 when something broke, otherwise the strongest decision: 4, 5, 3, then 0."""
        if self.failed:
            return 1
        return exit_code_of(self.blocked)


def execute(plan: ApplyPlan, world: World, tell: Tell) -> Outcome:
    """Walk all stages; one model's trouble does not keep the others from theirs."""
    for stage in plan.before:
        _timed(stage, world, tell)
    failed: list[FlowFailed] = []
    blocked: list[Blocked] = []
    for model in plan.models:
        try:
            blocked.extend(_walk(model, world, tell))
        except FlowFailed as failure:
            failed.append(failure)
    for stage in plan.after:
        _timed(stage, world, tell)
    return Outcome(tuple(blocked), tuple(failed))


def _walk(model: ModelPlan, world: World, tell: Tell) -> Iterator[Blocked]:
    """The stages of one model, up to a decision against it."""
    decision = model.blocked
    for stage in model.stages:
        if decision is not None and isinstance(stage, Rollout | Record):
            continue
        _timed(stage, world, tell)
        if isinstance(stage, Train | Rollout):
            decision = _decision_after(stage, world.plan_again(model.model))
    if decision is not None:
        tell(Stopped(decision))
        yield decision


def _decision_after(stage: Train | Rollout, now: ModelPlan) -> Blocked | None:
    """What was decided in a stage; `FlowFailed` when nothing was, though the flow ended well."""
    if now.blocked is not None:
        return now.blocked
    reached = now.standing.trained if isinstance(stage, Train) else now.standing.serving
    if not reached:
        name = "train" if isinstance(stage, Train) else "rollout"
        raise FlowFailed(
            f"{stage.model}-{name}",
            "the flow ended, but its work does not match the specs: they or the data changed"
            " meanwhile; run the same command again",
        )
    return None


def _timed(stage: Stage, world: World, tell: Tell) -> None:
    tell(StageStarted(stage))
    start = time.monotonic()
    _perform(stage, world)
    tell(StageEnded(stage, time.monotonic() - start))


def _prepare(stage: Preparation, world: World) -> None:
    match stage:
        case WriteFiles():
            world.write_files()
        case Restore():
            world.restore()
        case StartPlatform(programs):
            world.start_platform(programs)
        case ApplyObjects():
            world.apply_objects()
        case _ as never:
            assert_never(never)


def _perform(stage: Stage, world: World) -> None:
    match stage:
        case WriteFiles() | Restore() | StartPlatform() | ApplyObjects():
            _prepare(stage, world)
        case ServeFlows(model):
            world.serve_flows(model)
        case Withdraw(model, releases):
            world.withdraw(model, releases)
        case Train(model):
            world.train(model)
        case Rollout(model):
            world.rollout(model)
        case Record(model):
            world.record(model)
        case _ as never:
            assert_never(never)
