"""Run one flow through the orchestrator, and follow the journal until it has ended.

Truth is in the journal and the lease, not in the orchestrator: a flow whose process was killed
may stand as running there for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from mlops_spec.apply.events import Event, Note, StepSeen
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Journal, Step
from mlops_spec.state.lease import HEARTBEAT
from mlops_spec.targets.orchestrator import FlowRun, NotServed, Orchestrator

LOOK_EVERY: Final = 0.3  # seconds
# How long flows that were just given to a server may take to be known to the orchestrator.
UNTIL_SERVED: Final = 90.0
# A flow run needs its process to start before it takes the lease; past this it is taken for dead.
SILENCE: Final = 90.0
# The same for a run that was found. One that runs takes the lease first of all and gives it back
# last: where nobody holds it for a heartbeat, the process is gone. Were it only slow, it would
# find the lease taken, and end.
UNTIL_IT_RUNS: Final = 20.0
# A run that has begun, seen by the apply that started it: twice as long, since to be wrong here is
# to tell of a failure that was none.
ONCE_IT_RUNS: Final = 2 * HEARTBEAT


class FlowFailed(Exception):
    """A flow ended without finishing its work; the message is its last word.

    `why`: what kept it from beginning, where that is known.
    """

    def __init__(self, deployment: str, message: str, why: Refusal | None = None) -> None:
        super().__init__(message)
        self.deployment = deployment
        self.why = why


def _none_known() -> Refusal | None:
    return None


@dataclass(frozen=True, slots=True)
class Watch:
    """What is looked at while a flow runs. `holder` names who works on the model now, if anyone.

    `trouble`: why a flow that was asked for will not begin, as far as one can tell.
    """

    journal: Journal
    holder: Callable[[str], str | None]
    tell: Callable[[Event], None]
    trouble: Callable[[], Refusal | None] = _none_known
    silence: float = SILENCE
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class FlowRequest:
    """Which run is wanted: two equal keys are the same work."""

    environment: str
    key: str
    parameters: dict[str, Any]


def run_flow(
    orchestrator: Orchestrator, watch: Watch, model: str, flow: str, request: FlowRequest
) -> None:
    """Run a flow to its end; `FlowFailed` when it ends badly.

    A run under the same key that still goes on is joined, so a killed apply finds its work again.
    """
    deployment = f"{model}-{flow}/{request.environment}"
    run = _join_or_start(orchestrator, watch, deployment, request)
    known: dict[tuple[str, str], Step] = _steps_now(watch, model) if run.fresh else {}
    last_sign = watch.clock()
    while not run.ended:
        watch.sleep(LOOK_EVERY)
        lives = _tell_news(watch, model, known) or watch.holder(model) is not None
        began, run = run.running, orchestrator.look(run.id)
        if lives or (run.running and not began):
            last_sign = watch.clock()
        if not run.ended:
            _give_up_without_hope(orchestrator, watch, deployment, run, last_sign)
    _tell_news(watch, model, known)
    if not run.succeeded:
        raise FlowFailed(deployment, run.message)


def _join_or_start(
    orchestrator: Orchestrator, watch: Watch, deployment: str, request: FlowRequest
) -> FlowRun:
    """A run that goes on under this key, or a new one; each ended attempt moves the key on."""
    for attempt in range(1000):
        key = f"{request.key}-{attempt}"
        run = _start(orchestrator, watch, deployment, replace(request, key=key))
        if run.fresh:
            return run
        if not run.ended and _lives(orchestrator, watch, deployment, run):
            watch.tell(Note(f"joined the run of {deployment} that goes on already"))
            return run
    raise FlowFailed(deployment, "1000 attempts ended without finishing")


def _start(
    orchestrator: Orchestrator, watch: Watch, deployment: str, request: FlowRequest
) -> FlowRun:
    """Ask for the run, as soon as the flow is served."""
    begun = watch.clock()
    while True:
        try:
            return orchestrator.start(deployment, request.parameters, request.key)
        except NotServed:
            waited = watch.clock() - begun
            why = watch.trouble()
            if why is not None:
                raise FlowFailed(deployment, why.message, why) from None
            if waited > UNTIL_SERVED:
                raise FlowFailed(deployment, f"it is not served after {waited:.0f} s") from None
            watch.sleep(LOOK_EVERY)


def _give_up_without_hope(
    orchestrator: Orchestrator, watch: Watch, deployment: str, run: FlowRun, last_sign: float
) -> None:
    """`FlowFailed` for a run that will not begin, or that has given no sign of life for long."""
    why = None if run.running else watch.trouble()
    if why is not None:
        # Or the server would begin it once it is mended, beside the run that is then asked for.
        orchestrator.give_up(run.id, why.message)
        raise FlowFailed(deployment, why.message, why)
    allowed = min(watch.silence, ONCE_IT_RUNS) if run.running else watch.silence
    if watch.clock() - last_sign > allowed:
        orchestrator.give_up(run.id, "no sign of life")
        raise FlowFailed(deployment, f"the flow gave no sign of life for {allowed:.0f} s")


def _lives(orchestrator: Orchestrator, watch: Watch, deployment: str, run: FlowRun) -> bool:
    """Whether an unfinished run has a process: it must show itself by the lease, soon."""
    model = deployment.partition("/")[0].rpartition("-")[0]
    silent_since, allowed = watch.clock(), UNTIL_IT_RUNS
    while watch.clock() - silent_since < allowed:
        seen = orchestrator.look(run.id)
        if watch.holder(model) or seen.ended:
            return True
        if seen.running and allowed != HEARTBEAT:
            silent_since, allowed = watch.clock(), HEARTBEAT
        watch.sleep(LOOK_EVERY)
    orchestrator.give_up(run.id, "its process is gone")
    return False


def _steps_now(watch: Watch, model: str) -> dict[tuple[str, str], Step]:
    return {(step.step, step.digest): step for step in watch.journal.steps(model)}


def _tell_news(watch: Watch, model: str, known: dict[tuple[str, str], Step]) -> bool:
    """Tell every step that differs from what is known; whether there was any."""
    now = _steps_now(watch, model)
    news = [step for at, step in now.items() if known.get(at) != step]
    for step in news:
        watch.tell(StepSeen(model, step))
    known.update(now)
    return bool(news)
