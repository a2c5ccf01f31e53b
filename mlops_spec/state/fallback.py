"""Where scikit-learn itself answers, because a model has no portable form, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_spec.state.approvals import Records


def fallback_of(journal: Records, model: str, run: str) -> str:
    """Why scikit-learn answers for a run; "" where the portable form does, or none was made."""
    done = [s for s in journal.steps(model, step="evaluate", run=run) if s.status == "done"]
    return fallback_in(done[-1].output) if done else ""


def fallback_in(evaluated: Mapping[str, Any]) -> str:
    """The same, of what the step `evaluate` said."""
    portable = evaluated.get("portable") or {}
    return str(portable.get("reason", "")) if portable.get("kind") == "sklearn" else ""


def warnings_of(reason: str) -> list[str]:
    """The warning for machines, where there is one."""
    return [fallback_line(reason)] if reason else []


def fallback_line(reason: str) -> str:
    """The warning in words."""
    return f"scikit-learn answers, which is slower than a portable form: {reason}"
