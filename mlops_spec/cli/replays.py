"""What a changed gate would have meant for the candidates that are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_spec.apply.look import wanted
from mlops_spec.apply.site import Site
from mlops_spec.apply.stages import ApplyPlan, ModelPlan
from mlops_spec.model.spec.base import Change
from mlops_spec.terms.keys import gate_key

if TYPE_CHECKING:
    from mlops_spec.runtime.gates.replay import Replayed


def replays(site: Site, plan: ApplyPlan) -> dict[str, tuple[Replayed, ...]]:
    """The last candidates of every model whose gates changed, decided again; by model."""
    found = {model.model: _replays(site, model) for model in plan.models if _regated(model)}
    return {model: replayed for model, replayed in found.items() if replayed}


def _regated(model: ModelPlan) -> bool:
    return any(change.change is Change.GATE for change in model.changes)


def _replays(site: Site, planned: ModelPlan) -> tuple[Replayed, ...]:
    gated = [s for s in site.journal.steps(planned.model, step="gate") if s.status == "done"]
    if not gated:
        return ()
    # Deciding takes pandas, which a plan with nothing to decide does not wait for.
    from mlops_spec.cli.declared import declared_gates, importable
    from mlops_spec.runtime.gates.replay import candidates, replay

    model = site.model(planned.model)
    want = wanted(site, model)
    now = {
        gate_key(s.run, want.facets, str(s.output.get("baseline", "")), want.code) for s in gated
    }
    past = candidates(gated, site.journal.steps(model.name, step="register"), now)
    with importable(site.root):
        return replay(site.workspace, declared_gates(model), past)
