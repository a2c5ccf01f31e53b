"""The plan of an environment, from what the specs say and what is recorded and running."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mlops_spec.apply.blocked import Situation
from mlops_spec.apply.cluster import cluster_variables, objects_stage
from mlops_spec.apply.limits import limits_of
from mlops_spec.apply.site import Site, source_of
from mlops_spec.apply.stages import (
    ApplyPlan,
    ModelPlan,
    Restore,
    Stage,
    StartPlatform,
    WriteFiles,
    plan_model,
)
from mlops_spec.apply.standing import Standing, Wanted, stand
from mlops_spec.apply.strictness import strictness
from mlops_spec.model.facets import FieldChange, changed_fields, facets, flatten
from mlops_spec.model.project import LinkedModel
from mlops_spec.model.spec.base import Change
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.data.touched import Reading, source_mark, unsaid
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.service.restore import in_service, lacks
from mlops_spec.state.lease import holder_of, present_at
from mlops_spec.targets.filesystem import TreeState, tree_state
from mlops_spec.targets.platform import FOR_PEOPLE, missing_programs
from mlops_spec.terms.digest import digest
from mlops_spec.terms.metric_code import metric_code
from mlops_spec.terms.steps import flow_presence, model_lease

# The step under which a model's served flows are recorded; its digest is that of their text.
FLOWS_STEP: Final = "flows"


def make_plan(site: Site, *, retry: bool = False, reading: Reading = unsaid) -> ApplyPlan:
    """What apply would do now. Only reads; `Refusal` when the data's place cannot be read.

    `reading` is told how many bytes of touched files are read, before they are.
    """
    tree = tree_state(site.root, site.files)
    missing = missing_programs(site.workspace, site.spec)
    needed = tuple(name for name in missing if name not in FOR_PEOPLE)
    comforts = tuple(name for name in missing if name in FOR_PEOPLE)
    return ApplyPlan(
        environment=site.environment,
        before=(*_before(tree, _incomplete(site), needed), *objects_stage(site)),
        models=_plan_all(site, retry=retry, reading=reading),
        after=(StartPlatform(comforts),) if comforts else (),
    )


def _plan_all(site: Site, *, retry: bool, reading: Reading) -> tuple[ModelPlan, ...]:
    """The plans of all models, or one `Refusal` with everything that stands against them."""
    plans: list[ModelPlan] = []
    refused: dict[str, Refusal] = {}
    for model in site.project.models:
        try:
            plans.append(plan_one(site, model, retry=retry, reading=reading))
        except Refusal as refusal:
            refused.setdefault(model.dataset.spec.name, refusal)
    if refused:
        raise _together(refused)
    return tuple(plans)


def _together(refused: dict[str, Refusal]) -> Refusal:
    """The first Dataset's refusal; the others are its details."""
    (name, first), *others = refused.items()
    also = tuple(
        f"also {other.code}: Dataset {dataset}: {other.message}; {other.help}"
        for dataset, other in others
    )
    message = f"Dataset {name}: {first.message}"
    field = first.field or ("dataset", name, "source")
    return Refusal(first.code, message, first.help, (*first.details, *also), field=field)


def plan_one(
    site: Site, model: LinkedModel, *, retry: bool = False, reading: Reading = unsaid
) -> ModelPlan:
    """The plan of one model as the world is now."""
    applied = site.journal.applied(model.name)
    want = wanted(site, model, reading)
    standing = stand(want, site.journal, site.deployments.of(model.name))
    changes = _changes(applied, site, model) if applied is not None else ()
    return plan_model(
        Situation(
            standing=standing,
            changes=changes,
            first=applied is None,
            flows_stale=flows_digest(site, model.name) != _served_flows(site, model.name),
            on_inconclusive=model.gates.on_inconclusive or "hold",
            retry=retry,
            criteria=site.spec.approval.criteria if site.spec.approval else (),
            unwatched=_unwatched(site, model.name),
            elsewhere="" if site.is_default else site.environment,
            ways=_ways(changes, model) if changes else {},
            limits=limits_of(model),
            recoded=_recoded(site, model.name, want),
            not_compared=want.not_compared,
        )
    )


def standing_of(site: Site, model: LinkedModel) -> Standing:
    """How far one model stands as the world is now, without a plan of what is to do."""
    return stand(wanted(site, model), site.journal, site.deployments.of(model.name))


def _ways(changes: tuple[FieldChange, ...], model: LinkedModel) -> dict[str, str]:
    """Which changed gates are looser now, and which are stricter."""
    return strictness(changes, {path: value for path, (_, value) in flatten(model).items()})


def _recoded(site: Site, model: str, want: Wanted) -> tuple[str, ...]:
    """The metrics of the policy whose code changed since the model was gated last."""
    gated = [s for s in site.journal.steps(model, step="gate") if s.status == "done"]
    before = gated[-1].output.get("code", {}) if gated else {}
    return tuple(name for name, code in sorted(want.code.items()) if before.get(name, code) != code)


def _unwatched(site: Site, model: str) -> tuple[str, ...]:
    """The candidates that get requests or copies while no flow works on the model.

    Argo goes on by itself with any that it was asked for.
    """
    alone = site.spec.serve.router == "argo-rollouts"
    routed = tuple(
        d.release
        for d in site.deployments.of(model)
        if d.role == "candidate" and (d.weight > 0 or d.mirror or alone)
    )
    return routed if routed and holder_of(site.store, lease_of(site, model)) is None else ()


def lease_of(site: Site, model: str) -> str:
    """The name of the lease that a flow holds while it works on a model."""
    return model_lease(site.environment, model)


def wanted(site: Site, model: LinkedModel, reading: Reading = unsaid) -> Wanted:
    """What the specs ask for, in the digests that steps depend on."""
    place = context_of(site, model)
    mark = source_mark(place, source_of(model), reading)
    return Wanted(
        model=model.name,
        facets=place.facets,
        fingerprint=mark.fingerprint,
        canary=tuple(step.value for step in model.rollout.canary.steps),
        shadow=model.rollout.shadow is not None,
        code=metric_code(_metrics(model), site.root),
        not_compared=mark.not_compared,
    )


def _metrics(model: LinkedModel) -> Iterator[str]:
    """The metrics that its policy names."""
    yield from (*model.gates.metrics, *model.gates.production)
    yield from (segments.metric for segments in model.gates.segments.values())


def facets_of(site: Site, model: LinkedModel) -> dict[str, str]:
    """A digest per change class, as steps and releases are named by them."""
    return {change.value: text for change, text in facets(model, site.spec).items()}


def context_of(site: Site, model: LinkedModel) -> Context:
    """What the runtime's steps take, for this model."""
    return Context(model.name, site.root, site.workspace, site.store, facets_of(site, model))


def flows_digest(site: Site, model: str) -> str:
    """Changes when a flow of the model does, or the cluster that it rolls out on."""
    cluster = cluster_variables(site)
    return digest(site.flows_of(model).digests(), *([cluster] if cluster else []))


def stored_spec(site: Site, model: LinkedModel) -> dict[str, Any]:
    """The linked model as it is recorded after apply: every field with its change class."""
    return {
        path: [change.value, value] for path, (change, value) in flatten(model, site.spec).items()
    }


def _changes(applied: dict[str, Any], site: Site, model: LinkedModel) -> tuple[FieldChange, ...]:
    before = {path: (Change(change), value) for path, (change, value) in applied.items()}
    return changed_fields(before, flatten(model, site.spec))


def _served_flows(site: Site, model: str) -> str | None:
    served = [s for s in site.journal.steps(model, step=FLOWS_STEP) if s.status == "done"]
    return served[-1].digest if served else None


def _incomplete(site: Site) -> tuple[str, ...]:
    """The releases that serve, or could come back, and lack what is needed to start them."""
    if site.spec.serve.on == "kubernetes":
        return ()  # an image has all of it
    return tuple(
        deployed.release
        for model in site.project.models
        for deployed in in_service(site.deployments.of(model.name))
        if lacks(site.workspace, deployed, facets_of(site, model))
    )


def _before(
    tree: TreeState, incomplete: tuple[str, ...], needed: tuple[str, ...]
) -> Iterator[Stage]:
    if tree.to_write or tree.to_remove or tree.edited:
        yield WriteFiles(tree.to_write, tree.to_remove)
    if incomplete:
        yield Restore(incomplete)
    if needed:
        yield StartPlatform(needed)


def at_work(site: Site, model: str, flow: str) -> str | None:
    """Who works on a model: with its lease, or in this flow, which goes beside others."""
    presence = flow_presence(site.environment, model, flow)
    return holder_of(site.store, lease_of(site, model)) or present_at(site.store, presence)
