"""What apply tells those who watch. Views print it; nothing else depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_spec.apply.blocked import Blocked
from mlops_spec.apply.stages import Stage
from mlops_spec.state import Step


@dataclass(frozen=True, slots=True)
class StageStarted:
    stage: Stage


@dataclass(frozen=True, slots=True)
class StageEnded:
    stage: Stage
    seconds: float


@dataclass(frozen=True, slots=True)
class StepSeen:
    """A step of a flow changed: it started, got further, or was finished."""

    model: str
    step: Step


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a line: a server started, a run attached to."""

    text: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A decision ended the work on a model; production stays as it is."""

    blocked: Blocked


Event = StageStarted | StageEnded | StepSeen | Note | Stopped
