"""Which failures are worth another try: those of a server or a lock, not those of the data."""

from __future__ import annotations

from typing import Any

from mlops_spec.runtime.refusal import Refusal


def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a failed task may succeed a moment later; Prefect's `retry_condition_fn`."""
    try:
        state.result()
    except Refusal as refusal:
        return refusal.transient
    except Exception:
        return False
    return False
