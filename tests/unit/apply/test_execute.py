"""Walking the stages with a world that is a list."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from mlops_spec.apply.blocked import Blocked
from mlops_spec.apply.events import Event, StageEnded, StageStarted, Stopped
from mlops_spec.apply.execute import execute
from mlops_spec.apply.follow import FlowFailed
from mlops_spec.apply.stages import (
    ApplyPlan,
    ModelPlan,
    Record,
    Restore,
    Rollout,
    ServeFlows,
    StartPlatform,
    Train,
    WriteFiles,
)
from mlops_spec.apply.standing import Standing, StepStanding
from mlops_spec.state import Deployment

DONE = StepStanding("fit", "k", "done")
OPEN = StepStanding("fit", "k", "todo")
LIVE = Deployment("a", "r1", "run1", "1", "production", 1.0)
SAID_NO = Blocked("a", 4, "the gate said no", "change it")


def _standing(model: str, step: StepStanding, live: Deployment | None = None) -> Standing:
    return Standing(model, (step,), (), "run1", "r1", None, live, None)


def _plan(model: str, standing: Standing, blocked: Blocked | None = None) -> ModelPlan:
    stages = (
        ServeFlows(model),
        Train(model, ("fit",), ()),
        Rollout(model, ("promote",), ()),
        Record(model),
    )
    return ModelPlan(model, "first model", (), (), stages, blocked, standing)


@dataclass
class World:
    """Writes down what was asked of it; `after` is what the plan finds from then on."""

    after: dict[str, list[ModelPlan]]
    calls: list[str] = field(default_factory=list)
    broken: str = ""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: str) -> None:
            self.calls.append(" ".join((name, *map(str, arguments))))
            if self.broken == self.calls[-1]:
                raise FlowFailed(arguments[0], "Crashed: it was killed")

        return call

    def plan_again(self, model: str) -> ModelPlan:
        return self.after[model].pop(0)


def _run(world: World, *models: ModelPlan) -> tuple[Any, list[Event]]:
    told: list[Event] = []
    before = (WriteFiles(("x",), ()), Restore(("r0",)), StartPlatform(("prefect",)))
    return execute(ApplyPlan("local", before, models), world, told.append), told


def test_every_stage_is_performed_in_order() -> None:
    trained = _plan("a", _standing("a", DONE))
    serving = _plan("a", _standing("a", DONE, LIVE))
    world = World({"a": [trained, serving]})
    outcome, told = _run(world, _plan("a", _standing("a", OPEN)))

    assert world.calls == [
        "write_files",
        "restore",
        "start_platform ('prefect',)",
        "serve_flows a",
        "train a",
        "rollout a",
        "record a",
    ]
    assert (outcome.exit_code, outcome.blocked, outcome.failed) == (0, (), ())
    assert [type(event) for event in told] == [StageStarted, StageEnded] * 7


def test_a_gate_that_says_no_leaves_production_alone_and_nothing_recorded() -> None:
    refused = _plan("a", _standing("a", OPEN), SAID_NO)
    world = World({"a": [refused]})
    outcome, told = _run(world, _plan("a", _standing("a", OPEN)))

    assert world.calls == [
        "write_files", "restore", "start_platform ('prefect',)", "serve_flows a", "train a",
    ]  # fmt: skip
    assert (outcome.exit_code, outcome.blocked) == (4, (SAID_NO,))
    assert told[-1] == Stopped(SAID_NO)


def test_a_flow_that_breaks_for_one_model_does_not_keep_another_from_its_own() -> None:
    b_live = replace(LIVE, model="b")
    world = World(
        {"b": [_plan("b", _standing("b", DONE)), _plan("b", _standing("b", DONE, b_live))]},
        broken="train a",
    )
    outcome, _ = _run(world, _plan("a", _standing("a", OPEN)), _plan("b", _standing("b", OPEN)))

    assert world.calls[-4:] == ["serve_flows b", "train b", "rollout b", "record b"]
    assert outcome.exit_code == 1
    assert [str(failure) for failure in outcome.failed] == ["Crashed: it was killed"]


def test_a_flow_that_ended_well_without_doing_its_work_is_a_failure() -> None:
    world = World({"a": [_plan("a", _standing("a", OPEN))]})
    outcome, _ = _run(world, _plan("a", _standing("a", OPEN)))

    assert outcome.exit_code == 1
    assert "run the same command again" in str(outcome.failed[0])
