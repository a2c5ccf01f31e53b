"""The rollout of one release: package, deploy, shadow, canary, then promote or roll back."""

from mlops_spec.runtime.rollout.argo_world import ArgoWorld
from mlops_spec.runtime.rollout.begin import begin
from mlops_spec.runtime.rollout.cluster import ClusterWorld
from mlops_spec.runtime.rollout.local import LocalWorld
from mlops_spec.runtime.rollout.release import Ending, Policy, Release, Rollout, World
from mlops_spec.runtime.rollout.steps import canary, deploy, package, promote, rollback, shadow
from mlops_spec.runtime.rollout.trained import Place
from mlops_spec.runtime.rollout.watch import Judged

__all__ = [
    "ArgoWorld",
    "ClusterWorld",
    "Ending",
    "Judged",
    "LocalWorld",
    "Place",
    "Policy",
    "Release",
    "Rollout",
    "World",
    "begin",
    "canary",
    "deploy",
    "package",
    "promote",
    "rollback",
    "shadow",
]
