"""Which run a run is compared with. Imports nothing heavy."""

from __future__ import annotations

from mlops_spec.runtime.context import Context


def baseline_of(context: Context, run: str) -> str:
    """The run that production serves, or "" when nothing serves.

    A run that is production itself is compared with what it was compared with when it was a
    candidate: a changed gate is decided again on recorded evidence, never against itself.
    """
    live = context.deployments.production(context.model)
    if live is None:
        return ""
    if live.run != run:
        return live.run
    recorded = context.journal.steps(context.model, step="gate", run=run)
    done = [step for step in recorded if step.status == "done"]
    return str(done[0].output.get("baseline", "")) if done else ""
