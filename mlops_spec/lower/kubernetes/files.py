"""Which objects an environment has, and in which file each lies."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_spec.lower import conventions
from mlops_spec.lower.kubernetes import argo, jobs, monitoring, network, routing, scaling, workload
from mlops_spec.lower.kubernetes.head import Object
from mlops_spec.lower.kubernetes.namespace import claim, is_ours, namespace
from mlops_spec.lower.origin import Placed
from mlops_spec.model.plan import Artifact, Manifest, Origin
from mlops_spec.model.project import Project


def lower_environment(project: Project, environment: str) -> Iterator[Artifact]:
    """namespace.yaml and volume.yaml beside the models, where they are the project's to make."""
    spec = project.environments[environment]
    serve = spec.serve
    if serve.on != "kubernetes":
        return
    origin = Origin(
        spec=project.document.path.as_posix(),
        project=project.name,
        environment=environment,
        model="",
        facets={},
        workspace=conventions.workspace(environment),
        registry=spec.registry,
        state_env=spec.state_env,
    )
    if is_ours(serve.namespace):
        yield Manifest(origin, "namespace.yaml", (namespace(origin, serve.namespace),))
    if serve.volume and serve.volume_size:
        made = claim(origin, serve.namespace, serve.volume, serve.volume_size)
        yield Manifest(origin, "volume.yaml", (made,))


def lower_kubernetes(placed: Placed) -> Iterator[Artifact]:
    """kubernetes/*.yaml, an object a file, for an environment that serves on Kubernetes."""
    if placed.environment.serve.on != "kubernetes":
        return
    for name, found in _objects(placed):
        yield Manifest(placed.origin, f"kubernetes/{name}.yaml", (found,))


def _objects(placed: Placed) -> Iterator[tuple[str, Object]]:
    yield "service-account", workload.service_account(placed)
    yield "network-policy", network.service_policy(placed)
    yield from _running(placed)
    yield "service", workload.service(placed)
    yield "autoscaler", scaling.autoscaler(placed)
    yield "disruption-budget", workload.disruption_budget(placed)
    if _routed(placed):
        yield "route", routing.route(placed)
    yield from _watched(placed)
    yield from _scheduled(placed)


def _running(placed: Placed) -> Iterator[tuple[str, Object]]:
    """A Deployment, or what stands in its place where Argo takes the steps of a rollout."""
    watching = placed.environment.monitoring
    if placed.environment.serve.router != "argo-rollouts":
        yield "deployment", workload.deployment(placed)
        return
    assert watching is not None, "link lets only a Rollout through that something judges"
    assert watching.prometheus is not None, "the same"
    yield "rollout", argo.rollout(placed)
    for topic, found in argo.analyses(placed, watching.prometheus):
        yield f"analysis-{topic}", found


def _routed(placed: Placed) -> bool:
    """Whether users come through a Gateway: always where it splits, else where one is named."""
    serve = placed.environment.serve
    return serve.router == "gateway-api" or serve.gateway is not None


def _watched(placed: Placed) -> Iterator[tuple[str, Object]]:
    by = placed.environment.monitoring
    if by is not None and by.operator == "prometheus-operator":
        yield "pod-monitor", monitoring.pod_monitor(placed, by.labels)
        yield "prometheus-rule", monitoring.prometheus_rule(placed, by.labels)


def _scheduled(placed: Placed) -> Iterator[tuple[str, Object]]:
    flows = placed.environment.flows
    if flows is not None:
        yield "jobs-service-account", jobs.service_account(placed)
        yield "jobs-settings", jobs.settings(placed)
        yield "jobs-network-policy", network.job_policy(placed)
        yield from ((f"{name}-job", found) for name, found in jobs.cron_jobs(placed, flows))
