"""Decisions that change when every number moves a little."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mlops_spec.runtime.declare import Gates, Stable
from mlops_spec.runtime.gates.bounds import Bar, at_most, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import Shaken
from mlops_spec.runtime.gates.unmeasured import unmeasured, within_reach
from mlops_spec.stats.estimate import two_sided
from mlops_spec.stats.proportions import wilson
from mlops_spec.terms.measuring import STABILITY_ROWS
from mlops_spec.terms.verdict import Verdict

_METHOD: Final = "Wilson; one draw of normal noise, missing values left missing"


def stable(rule: Stable, gates: Gates, evidence: Evidence) -> Verdict:
    """On the share of changed decisions; `parts` are the features that change most alone."""
    check = f"stability under {rule.noise:.3g} deviations of noise"
    shaken = evidence.measured.shaken
    if shaken is None or shaken.noise != rule.noise:
        return unmeasured(check, "stability", evidence)
    level, bar = two_sided(gates.confidence), at_most(rule.most)
    found = within_reach(
        decided(check, wilson(shaken.changed, shaken.rows, level), bar, gates),
        STABILITY_ROWS,
        "rows",
    )
    said = _spoken(shaken)
    return replace(
        found,
        reason="; ".join(filter(None, (found.reason, said))),
        method=_METHOD,
        parts=_parts(shaken, gates, bar),
    )


def _spoken(shaken: Shaken) -> str:
    if shaken.moved == 0:
        return "no numeric feature moves by as much, so that nothing was shaken"
    return f"numeric features moved: {shaken.moved}"


def _parts(shaken: Shaken, gates: Gates, bar: Bar) -> tuple[Verdict, ...]:
    """Against the same limit, each feature alone. They explain, and decide nothing."""
    level = two_sided(gates.confidence)
    return tuple(
        replace(
            decided(feature, wilson(changed, shaken.alone_rows, level), bar, gates),
            method="Wilson; this feature alone",
            n_enough=None,
        )
        for feature, changed in shaken.alone
    )
