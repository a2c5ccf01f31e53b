"""Which release a rollout is about, and whether it may start."""

from __future__ import annotations

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.release import Policy, Release, Rollout, World, real_clock
from mlops_spec.runtime.rollout.steps import finish_rollback
from mlops_spec.runtime.rollout.watch import Clock
from mlops_spec.state import Deployment
from mlops_spec.state.approvals import how_to_approve, newest_decision
from mlops_spec.state.deployments import begins_afresh
from mlops_spec.terms import keys
from mlops_spec.terms.steps import canary_step


def begin(
    context: Context, world: World, policy: Policy, *,
    run: str | None = None, retry: bool = False,
    clock: Clock | None = None,
) -> Rollout:  # fmt: skip
    """Start or take up the rollout of a run: the newest registered one, when none is named.

    The router is first made to follow the state. `Refusal` when there is nothing to roll out, or
    when the release was rolled back before and `retry` does not ask for it again. MLS611 when
    the policy has criteria and nobody has confirmed them for the verdicts on this run.
    """
    release = find_release(context, run)
    _require_approval(context, release, policy.criteria)
    rollout = Rollout(context, world, release, policy, clock or real_clock(context))
    row = rollout.row
    if row is not None and row.role == "quarantined" and not retry:
        finish_rollback(rollout, row.reason)
        raise Refusal(
            "MLS608",
            f"release {release.id} of {release.model} was rolled back: {row.reason}",
            "train another model, or run the rollout with retry=true to try this one again",
        )
    world.publish()
    if begins_afresh(row):
        _start_afresh(rollout)
    return rollout


def _require_approval(context: Context, release: Release, criteria: tuple[str, ...]) -> None:
    """The one gate of every way to traffic: apply, a retraining, `spec run rollout`."""
    live = context.deployments.production(context.model)
    if not criteria or (live is not None and live.run == release.run):
        return
    found = newest_decision(context.journal, context.model, release.run)
    if found is None or not found.holds_for(criteria):
        said = found.line() if found else "nobody has decided"
        raise Refusal(
            "MLS611",
            f"run {release.run} of {context.model} needs approval: {said}",
            f"{how_to_approve(context.model, criteria, context.environment)}, then spec apply",
            tuple(f"to confirm: {sentence}" for sentence in criteria),
        )


def find_release(context: Context, run: str | None) -> Release:
    """The release of a run, with its version in the registry and the release that it replaces."""
    registered = [
        step for step in context.journal.steps(context.model, step="register", run=run)
        if step.status == "done" and step.output.get("version")
    ]  # fmt: skip
    if not registered:
        what = f"run {run}" if run else "no run"
        raise Refusal(
            "MLS609",
            f"{what} of {context.model} is registered"
            if run is None
            else f"{what} is not registered",
            "train a model whose gates pass first: spec run train " + context.model,
        )
    newest = max(registered, key=lambda step: step.finished_at or 0.0)
    release = keys.release_id(newest.run, context.facets)
    version = str(newest.output["version"])
    return Release(context.model, release, newest.run, version, _replaced_by(context, release))


def _replaced_by(context: Context, release: str) -> str:
    """Production, or what was production before a promotion that was killed half-way."""
    production = context.deployments.production(context.model)
    if production is None:
        return ""
    if production.release != release:
        return production.release
    before = [d for d in context.deployments.of(context.model) if d.role == "previous"]
    return max(before, key=_since).release if before else ""


def _since(deployment: Deployment) -> float:
    return deployment.since


def _start_afresh(rollout: Rollout) -> None:
    """Forget what an earlier rollout of the same release against the same production recorded."""
    canary = [canary_step(step.share) for step in rollout.policy.canary]
    for step in ("deploy", "shadow", *canary, "promote"):
        rollout.forget(step)
