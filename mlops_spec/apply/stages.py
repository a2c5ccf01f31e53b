"""The stages that plan prints and apply walks, in order. Making them has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mlops_spec.apply.blocked import Blocked, Situation, blocked_by
from mlops_spec.apply.reasons import in_words
from mlops_spec.apply.standing import Standing, StepStanding
from mlops_spec.model.facets import FieldChange
from mlops_spec.model.spec.base import Change
from mlops_spec.state.deployments import begins_afresh
from mlops_spec.terms.verdict import Outcome


@dataclass(frozen=True, slots=True)
class WriteFiles:
    """Write generated files that the specs changed."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restore:
    """Sign or package again what serves, where its evidence or its whole Bento is not there."""

    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StartPlatform:
    """Start what does not run yet: orchestrator, router, registry, services."""

    programs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApplyObjects:
    """Make the objects of the environment on its cluster what was rendered.

    `unseen` says why the plan could not look; apply looks again.
    """

    place: str
    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()  # each with its fields
    removed: tuple[str, ...] = ()
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class ServeFlows:
    """Deploy the model's flows, so that they run when asked or due."""

    model: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take candidates out of the router that a killed rollout has left there, unwatched."""

    model: str
    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Train:
    """Run the train flow: the steps that are not done yet, up to the registry."""

    model: str
    steps: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rollout:
    """Run the rollout flow: the release takes over step by step, or is rolled back."""

    model: str
    steps: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Remember what was applied, so that the next plan can say what changed."""

    model: str


# What is done for the environment, and what for one model of it.
Preparation = WriteFiles | Restore | StartPlatform | ApplyObjects
Stage = Preparation | ServeFlows | Withdraw | Train | Rollout | Record


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What apply will do for one model, and why."""

    model: str
    consequence: str
    reasons: tuple[str, ...]
    changes: tuple[FieldChange, ...]
    stages: tuple[Stage, ...]
    blocked: Blocked | None
    standing: Standing
    ways: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """Everything apply will do in one environment."""

    environment: str
    before: tuple[Stage, ...]
    models: tuple[ModelPlan, ...]
    after: tuple[Stage, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        of_models = (stage for model in self.models for stage in model.stages)
        return (*self.before, *of_models, *self.after)

    @property
    def no_op(self) -> bool:
        return not self.stages

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        return tuple(model.blocked for model in self.models if model.blocked)


# What a change class means in words, strongest first.
CONSEQUENCES: tuple[tuple[Change, str], ...] = (
    (Change.DATA, "retrain"),
    (Change.TRAIN, "retrain"),
    (Change.GATE, "gate again on the recorded evidence"),
    (Change.SERVE, "redeploy"),
    (Change.ROLLOUT, "next rollout"),
    (Change.SCALE, "scale only"),
    (Change.MONITOR, "monitoring only"),
    (Change.BATCH, "batch only"),
    (Change.DOCS, "documentation only"),
)


def plan_model(situation: Situation) -> ModelPlan:
    """The stages that make one model what its spec says."""
    blocked = blocked_by(situation)
    stages = tuple(_stages(situation, blocked))
    return ModelPlan(
        model=situation.standing.model,
        consequence=_consequence(situation, stages),
        reasons=(*_reasons(situation), *_retried(situation, stages)),
        changes=situation.changes,
        stages=stages,
        blocked=blocked,
        standing=situation.standing,
        ways=situation.ways,
    )


def _stages(situation: Situation, blocked: Blocked | None) -> Iterator[Stage]:
    standing = situation.standing
    if situation.flows_stale:
        yield ServeFlows(standing.model)
    # The wanted release goes on from where it is; any other candidate has nobody to judge it.
    kept = standing.release if blocked is None else None
    abandoned = tuple(release for release in situation.unwatched if release != kept)
    if abandoned:
        yield Withdraw(standing.model, abandoned)
    moving = False
    if not standing.trained and not _gate_blocks(standing, blocked):
        moving = True
        yield Train(standing.model, _todo(standing.train), _done(standing.train))
    if not standing.serving and blocked is None:
        moving = True
        yield _rollout(standing)
    if blocked is None and (moving or situation.first or situation.changes):
        yield Record(standing.model)


def _gate_blocks(standing: Standing, blocked: Blocked | None) -> bool:
    """Whether training has come to its end, by a gate that does not let the model through."""
    return blocked is not None and standing.gate not in (None, Outcome.PASS)


def _rollout(standing: Standing) -> Rollout:
    """A rollout that was interrupted goes on after what it recorded; every other does all steps.

    `package` looks at what is packaged each time: somebody may have changed it since.
    """
    again = standing.rollout if begins_afresh(standing.candidate) else standing.rollout[:1]
    names = {step.name for step in again}
    todo = tuple(replace(s, status="todo") if s.name in names else s for s in standing.rollout)
    return Rollout(standing.model, _todo(todo), _done(todo))


def _todo(steps: tuple[StepStanding, ...]) -> tuple[str, ...]:
    return tuple(step.name for step in steps if step.status != "done")


def _done(steps: tuple[StepStanding, ...]) -> tuple[str, ...]:
    return tuple(step.name for step in steps if step.status == "done")


def _consequence(situation: Situation, stages: tuple[Stage, ...]) -> str:
    todo = next((stage.steps for stage in stages if isinstance(stage, Train)), ())
    if situation.standing.live is None and stages:
        return "first model"
    if "fit" in todo:
        return "retrain"
    if "gate" in todo:
        return "gate again on the recorded evidence"
    if any(isinstance(stage, Rollout) for stage in stages):
        return "redeploy"
    classes = {change.change for change in situation.changes}
    words = (word for change, word in CONSEQUENCES if change in classes)
    return next(words, "nothing to do" if not stages else "deploy the flows")


def _retried(situation: Situation, stages: tuple[Stage, ...]) -> Iterator[str]:
    refused = situation.standing.quarantined
    if refused is not None and any(isinstance(stage, Rollout) for stage in stages):
        yield f"--retry tries {refused.release} again, which was rolled back: {refused.reason}"


def _reasons(situation: Situation) -> Iterator[str]:
    if situation.first:
        yield "never applied here"
    yield from in_words(situation.changes, situation.ways)
    yield from (f"{metric}: its code changed" for metric in situation.recoded)
    snapshot = situation.standing.train[0]
    if not situation.first and snapshot.status != "done":
        spec_changed = any(change.change is Change.DATA for change in situation.changes)
        yield "the Dataset changed" if spec_changed else _source_changed(situation.not_compared)
    elif situation.flows_stale and not (situation.first or situation.changes or situation.recoded):
        yield "its rendered flows changed"


def _source_changed(not_compared: int) -> str:
    if not not_compared:
        return "the source's files changed"
    return (
        f"the source's files were touched and not compared: {not_compared / 1e9:.1f} GB; "
        "where their rows are the same, nothing is trained"
    )
