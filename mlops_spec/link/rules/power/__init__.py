"""Limits that cannot be decided, or that refuse faultless models, on the rows there are."""

from __future__ import annotations

from typing import Final

from mlops_spec.link.rules.power.calibration import perfect_models_are_calibrated
from mlops_spec.link.rules.power.canary import canary_steps_can_bound_their_limits
from mlops_spec.link.rules.power.fairness import fair_models_pass
from mlops_spec.link.rules.power.latency import slower_is_above_the_noise
from mlops_spec.link.rules.power.limits import (
    limits_have_observations,
    models_have_rows,
    shares_can_be_bounded,
)
from mlops_spec.link.rules.power.margins import (
    least_rows_can_show_margins,
    margins_are_above_the_noise,
)
from mlops_spec.link.rules.power.segments import compared_groups_are_counted, segments_can_decide
from mlops_spec.link.scope import Rule

RULES: Final[tuple[Rule, ...]] = (
    canary_steps_can_bound_their_limits,
    margins_are_above_the_noise,
    least_rows_can_show_margins,
    slower_is_above_the_noise,
    fair_models_pass,
    perfect_models_are_calibrated,
    models_have_rows,
    limits_have_observations,
    shares_can_be_bounded,
    segments_can_decide,
    compared_groups_are_counted,
)
