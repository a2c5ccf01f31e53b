"""Facts across fields and documents: one rule, one function, one code."""

from __future__ import annotations

from typing import Final

from mlops_spec.link.rules import (
    artifact_gates,
    batch,
    clusters,
    columns,
    estimators,
    features,
    group_limits,
    groups,
    judging,
    own_metrics,
    parameters,
    places,
    power,
    rollouts,
    schedules,
    teaching,
    unused,
)
from mlops_spec.link.scope import Rule

RULES: Final[tuple[Rule, ...]] = (
    *columns.RULES,
    *features.RULES,
    *teaching.RULES,
    *estimators.RULES,
    *parameters.RULES,
    *places.RULES,
    *batch.RULES,
    *judging.RULES,
    *own_metrics.RULES,
    *groups.RULES,
    *group_limits.RULES,
    *artifact_gates.RULES,
    *rollouts.RULES,
    *clusters.RULES,
    *schedules.RULES,
    *power.RULES,
    *unused.RULES,
)
