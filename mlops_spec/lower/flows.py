"""The Prefect flows of a model, and the process that keeps them deployed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops_spec.lower import declarations
from mlops_spec.lower.gate_declarations import gates
from mlops_spec.lower.origin import Placed
from mlops_spec.lower.signatures import signing, trust
from mlops_spec.model.plan import (
    Artifact,
    BatchFlow,
    Call,
    FlowServer,
    MonitorFlow,
    RolloutFlow,
    Schedule,
    TrainFlow,
)
from mlops_spec.model.spec.project import WandbTracker
from mlops_spec.terms.steps import BATCH_FLOW, MONITOR_FLOW, ROLLOUT_FLOW, TRAIN_FLOW


def lower_train(placed: Placed) -> Iterator[Artifact]:
    """flows/train.py."""
    spec = placed.model.spec
    yield TrainFlow(
        origin=placed.origin,
        dataset=declarations.dataset(placed.model.dataset.spec, spec.features),
        recipe=declarations.recipe(spec),
        gates=gates(placed.model.gates, spec.task),
        wandb=_wandb(placed.environment.tracking.wandb),
        criteria=_criteria(placed),
    )


def _wandb(tracker: WandbTracker | None) -> Call | None:
    """`Wandb(…)`, a tracker beside MLflow."""
    if tracker is None:
        return None
    more = declarations.given(entity=tracker.entity or None)
    return declarations.call("Wandb", project=tracker.project, **more, mode=tracker.mode)


def lower_rollout(placed: Placed) -> Iterator[Artifact]:
    """flows/rollout.py."""
    model, rollout = placed.model, placed.model.rollout
    yield RolloutFlow(
        origin=placed.origin,
        dataset=declarations.dataset(model.dataset.spec, model.spec.features),
        recipe=declarations.recipe(model.spec),
        service=declarations.service(model),
        shadow=declarations.shadow(rollout.shadow) if rollout.shadow else None,
        canary=declarations.canary(rollout.canary),
        limits=declarations.limits(rollout),
        signing=signing(placed.environment),
        replay=placed.environment.traffic == "replay",
        cluster=_cluster(placed),
        criteria=_criteria(placed),
        argo=placed.environment.serve.router == "argo-rollouts",
    )


def _cluster(placed: Placed) -> Call | None:
    """`Cluster(…)`, for an environment that serves on Kubernetes."""
    serve = placed.environment.serve
    if serve.on != "kubernetes":
        return None
    more = declarations.given(context=serve.context)
    return declarations.call("Cluster", namespace=serve.namespace, images=serve.images, **more)


def _criteria(placed: Placed) -> tuple[str, ...]:
    """What a person is asked to confirm in this environment; () where nobody is asked."""
    asked = placed.environment.approval
    return asked.criteria if asked else ()


def lower_monitor(placed: Placed) -> Iterator[Artifact]:
    """flows/monitor.py."""
    model = placed.model
    yield MonitorFlow(
        origin=placed.origin,
        dataset=declarations.dataset(model.dataset.spec, model.spec.features),
        recipe=declarations.recipe(model.spec),
        drift=declarations.drift(model.monitor),
        retrain=declarations.retrain(model.spec.retrain),
    )


def lower_batch(placed: Placed) -> Iterator[Artifact]:
    """flows/batch.py, for a model with `batch:`, unless a cluster does it."""
    model = placed.model
    if model.spec.batch is not None and placed.spark is None:
        rows = model.batch_input or model.dataset.spec
        yield BatchFlow(
            origin=placed.origin,
            dataset=declarations.dataset(rows, model.spec.features),
            output=declarations.batch_output(model.spec.batch.output),
            trust=trust(placed),
        )


def lower_flow_server(placed: Placed) -> Iterator[Artifact]:
    """flows/serve.py. What a CronJob runs has no schedule here, or it would run twice."""
    spec = placed.model.spec
    free = placed.environment.flows is None
    here = spec.batch if placed.spark is None else None
    batch = (_schedule(BATCH_FLOW, here.schedule if free else None),) if here else ()
    yield FlowServer(
        origin=placed.origin,
        schedules=(
            # Nobody waits for a scheduled training, so it starts the rollout by itself.
            _schedule(TRAIN_FLOW, spec.retrain.schedule, then_rollout=True),
            _schedule(ROLLOUT_FLOW, None),
            _schedule(MONITOR_FLOW, placed.model.monitor.schedule if free else None),
            *batch,
        ),
    )


def _schedule(flow: str, cron: str | None, **parameters: Any) -> Schedule:
    if cron is None:
        return Schedule(flow, None)
    given = (("parameters", parameters),) if parameters else ()
    return Schedule(flow, cron, Call("Cron", (("", cron), ("timezone", "UTC"), *given)))
