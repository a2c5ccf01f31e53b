"""The steps of the loop. `plan` prints them, the flows do them, the journal records them."""

from __future__ import annotations

from typing import Final

TRAIN_STEPS: Final = ("snapshot", "check", "split", "fit", "evaluate", "gate", "register")
ROLLOUT_STEPS_BEFORE: Final = ("package", "deploy", "shadow")
ROLLOUT_STEPS_AFTER: Final = ("promote",)

TRAIN_FLOW: Final = "train"
ROLLOUT_FLOW: Final = "rollout"
MONITOR_FLOW: Final = "monitor"
BATCH_FLOW: Final = "batch"
FLOWS: Final = (TRAIN_FLOW, ROLLOUT_FLOW, MONITOR_FLOW, BATCH_FLOW)


def canary_step(share: float) -> str:
    """The name of one canary step, such as `canary-5` for 5 % of traffic."""
    return f"canary-{share * 100:.12g}"


def rollout_steps(shares: tuple[float, ...], shadow: bool) -> tuple[str, ...]:
    """All steps of a rollout, in order."""
    before = ROLLOUT_STEPS_BEFORE if shadow else ROLLOUT_STEPS_BEFORE[:-1]
    return (*before, *map(canary_step, shares), *ROLLOUT_STEPS_AFTER)


def model_lease(environment: str, model: str) -> str:
    """The name of the lease that a flow holds while it works on a model."""
    return f"model/{environment}/{model}"


def flow_presence(environment: str, model: str, flow: str) -> str:
    """Where a flow that works beside others on a model, with no lease, shows that it lives."""
    return f"{model_lease(environment, model)}/{flow}"
