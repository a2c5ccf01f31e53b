"""The size of the portable model on disk: a count, with nothing uncertain about it."""

from __future__ import annotations

from mlops_spec.runtime.declare import ModelSize
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.unmeasured import unmeasured
from mlops_spec.terms.verdict import Outcome, Verdict


def sized(rule: ModelSize, evidence: Evidence) -> Verdict:
    """`estimate` is in bytes; it has no interval."""
    size = evidence.measured.size
    if size is None:
        return unmeasured("model size", "size", evidence)
    return Verdict(
        "model size",
        Outcome.PASS if size.bytes <= rule.most else Outcome.FAIL,
        estimate=float(size.bytes),
        n=1,
        limit=f"≤ {shown_bytes(rule.most)}",
        reason=f"{shown_bytes(size.bytes)}, all files of the portable model",
        method="counted",
    )


def shown_bytes(count: int) -> str:
    """In megabytes of 10^6 bytes, or kilobytes below one."""
    return f"{count / 1e6:.3g} MB" if count >= 1e6 else f"{count / 1e3:.3g} kB"
