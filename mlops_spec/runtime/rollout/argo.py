"""The steps of a rollout that Argo takes: the same names, and the same records in the journal."""

from __future__ import annotations

from mlops_spec.runtime.context import Output, Progress
from mlops_spec.runtime.declare import CanaryStep
from mlops_spec.runtime.rollout import steps
from mlops_spec.runtime.rollout.argo_world import ArgoWorld
from mlops_spec.runtime.rollout.begin import begin
from mlops_spec.runtime.rollout.release import Rollout
from mlops_spec.runtime.rollout.steps import deploy, package, promote, rollback
from mlops_spec.runtime.rollout.watch import Judged
from mlops_spec.terms.steps import canary_step

__all__ = ["begin", "canary", "deploy", "package", "promote", "rollback"]


def canary(rollout: Rollout, plan: CanaryStep) -> Judged:
    """Wait while Argo gives the release its share of the copies and judges it.

    Argo takes no step of a first release: that one is judged from here, as everywhere.
    """
    if not rollout.release.production:
        return steps.canary(rollout, plan)
    step, world = canary_step(plan.share), rollout.world
    assert isinstance(world, ArgoWorld), "lowering pairs these"

    def work(progress: Progress) -> Output:
        steps.route(rollout, weight=plan.share, mirror=False)
        return world.judged(rollout.release, plan.share, progress).to_json()

    return Judged.from_json(step, rollout.once(step, work))
