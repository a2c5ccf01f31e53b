"""Limits that cannot be decided, or that refuse faultless models, on the rows there are."""

from __future__ import annotations

from typing import Final

from mlops_spec.link.rules.power.canary import canary_steps_can_bound_their_limits
from mlops_spec.link.rules.power.margins import (
    least_rows_can_show_margins,
    margins_are_above_the_noise,
)
from mlops_spec.link.scope import Rule

RULES: Final[tuple[Rule, ...]] = (
    canary_steps_can_bound_their_limits,
    margins_are_above_the_noise,
    least_rows_can_show_margins,
)
