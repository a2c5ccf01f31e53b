"""The size of the portable model on disk: a count, with nothing uncertain about it."""

from __future__ import annotations

from typing import Final

from mlops_spec.runtime.declare import ModelSize
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.unmeasured import unmeasured
from mlops_spec.terms.verdict import Outcome, Verdict

_MB: Final = 1e6


def sized(rule: ModelSize, evidence: Evidence) -> Verdict:
    """`estimate` is in megabytes (10^6 bytes); it has no interval."""
    size = evidence.measured.size
    if size is None:
        return unmeasured("model size", "size", evidence)
    return Verdict(
        "model size",
        Outcome.PASS if size.bytes <= rule.most else Outcome.FAIL,
        estimate=size.bytes / _MB,
        n=1,
        limit=f"≤ {rule.most / _MB:g} MB",
        reason="all files of the portable model",
        method="counted",
    )
