"""Starting a retraining when a window breaches: once a window, within cooldown and budget.

The claim is written before the run is started. A claim without a flow run is one whose start did
not finish; the next look starts it again under the same idempotency key: never lost, never doubled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Retrain
from mlops_spec.runtime.monitor.drift import KS, MISSING, NEW_VALUES, PSI
from mlops_spec.state import Retraining, Retrainings, Window
from mlops_spec.terms.steps import TRAIN_FLOW
from mlops_spec.terms.verdict import Outcome, Verdict

# deployment, parameters, idempotency key -> id of the flow run
Start = Callable[[str, dict[str, Any], str], str]
Kind = Literal["quiet", "started", "resumed", "blocked", "waiting"]

# Between the causes in the reason of a retraining.
SEPARATOR: Final = "; "
# A column that lost more of its values than this, or has them from elsewhere, is a broken source.
BROKEN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of a window, in words for the log, the page and `spec status`."""

    kind: Kind
    reason: str
    causes: tuple[str, ...] = ()
    flow_run: str = ""

    def line(self) -> str:
        """The decision on one line, as the flow logs it."""
        return f"retraining {self.kind}: {SEPARATOR.join((self.reason, *self.causes))}"


def retrain(
    context: Context, retrain: Retrain, window: Window, start: Start | None = None
) -> Decision:
    """Start the training flow if the window asks for it and may have it."""
    start = start or start_flow
    resumed = _resume(context, start)
    if resumed is not None:
        return resumed
    verdicts = tuple(map(Verdict.from_json, window.verdicts))
    causes = breaches(verdicts, retrain)
    if not causes:
        return Decision("quiet", "nothing that `retrain.when` names is breached")
    broken = data_bugs(verdicts, causes)
    if broken:
        return Decision(
            "blocked",
            "the data looks broken, and a model trained on it would learn that; mend the source, "
            f"or run `spec run train {context.model}` if the change is meant",
            tuple(verdict.line() for verdict in broken),
        )
    return _claim_and_start(context, retrain, window, causes, start)


def breaches(verdicts: tuple[Verdict, ...], retrain: Retrain) -> tuple[Verdict, ...]:
    """The failed verdicts that `when` names."""
    tests = {"drift": (KS, PSI, NEW_VALUES, MISSING), "performance": ("performance",)}
    wanted = {test for cause in retrain.when for test in tests[cause]}
    return tuple(v for v in verdicts if v.outcome is Outcome.FAIL and _test(v) in wanted)


def data_bugs(verdicts: tuple[Verdict, ...], causes: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """What speaks of a broken source rather than of a changed world: retraining would learn it.

    A column of which most values are lost, or were never seen; and lost values alone, with nothing
    else changed. A few more gaps beside real drift hold nothing back.
    """
    most = tuple(
        v
        for v in verdicts
        if v.outcome is Outcome.FAIL
        and _test(v) in (MISSING, NEW_VALUES)
        and (v.low or 0.0) > BROKEN
    )
    only_lost = causes if all(_test(v) == MISSING for v in causes) else ()
    return most or only_lost


def start_flow(deployment: str, parameters: dict[str, Any], key: str) -> str:
    """Start a deployed flow on the Prefect server and do not wait for it."""
    from prefect.client.schemas.objects import FlowRun
    from prefect.deployments import run_deployment

    run = run_deployment(
        deployment, parameters=parameters, timeout=0, idempotency_key=key, as_subflow=False
    )
    if not isinstance(run, FlowRun):
        raise TypeError("Prefect gave a coroutine: the monitor's flow and tasks are not async")
    return str(run.id)


def _claim_and_start(
    context: Context, retrain: Retrain, window: Window, causes: tuple[Verdict, ...], start: Start
) -> Decision:
    when = datetime.fromtimestamp(window.end, UTC).isoformat()
    lines = tuple(verdict.line() for verdict in causes)
    wanted = Retraining(context.model, f"window:{when}", "", SEPARATOR.join(lines))
    refused = Retrainings(context.store, context.environment).claim(
        wanted,
        cooldown=retrain.cooldown,
        budget=retrain.budget,
        budget_seconds=retrain.budget_seconds,
    )
    if refused is not None:
        return Decision("blocked", refused, lines)
    return _start(context, wanted, start, "started")


def _resume(context: Context, start: Start) -> Decision | None:
    """Start again what was claimed and never got a flow run; None when there is no such claim."""
    claimed = Retrainings(context.store, context.environment).of(context.model)
    waiting = [retraining for retraining in claimed if not retraining.flow_run]
    return _start(context, waiting[0], start, "resumed") if waiting else None


def _start(
    context: Context, retraining: Retraining, start: Start, kind: Literal["started", "resumed"]
) -> Decision:
    deployment = f"{context.model}-{TRAIN_FLOW}/{context.environment}"
    key = f"{context.environment}/{context.model}/{retraining.trigger}"
    try:
        flow_run = start(deployment, {"then_rollout": True}, key)
    except Exception as error:  # whatever the server or the network did, the claim stays
        return Decision(
            "waiting",
            f"the retraining is claimed but {deployment} did not start "
            f"({type(error).__name__}: {error}); the next look starts it",
        )
    Retrainings(context.store, context.environment).set_flow_run(
        context.model, retraining.trigger, flow_run
    )
    return Decision(kind, deployment, tuple(retraining.reason.split(SEPARATOR)), flow_run)


def _test(verdict: Verdict) -> str:
    return verdict.check.partition(" ")[0]
