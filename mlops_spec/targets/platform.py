"""An environment on this machine: start what does not answer, stop all of it, say what runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from mlops_spec.model.spec.project import EnvironmentSpec
from mlops_spec.runtime.machine.ports import forget_port
from mlops_spec.runtime.machine.processes import Process, keep, processes, remove, restart
from mlops_spec.runtime.machine.waiting import answers_ok, wait_until_answering
from mlops_spec.runtime.router.envoy import cluster_name, publish
from mlops_spec.state import Deployment, Deployments, Store
from mlops_spec.targets.flow_server import stays_up
from mlops_spec.targets.programs import (
    FLOWS,
    FOR_PEOPLE,
    ROUTER,
    addresses,
    astray_flows,
    check_elsewhere,
    environment_variables,
    flow_server,
    flow_servers,
    in_place,
    names,
    servers,
)
from mlops_spec.targets.supervisor import ensure_supervisor, stop_supervisor
from mlops_spec.terms.workspace import Workspace

__all__ = [
    "FOR_PEOPLE",
    "addresses",
    "environment_variables",
    "forget",
    "missing_programs",
    "redirect_flows",
    "running",
    "serve_flows",
    "start",
    "stop",
    "withdraw",
]

Note = Callable[[str], None]
NONE: Final[Mapping[str, str]] = MappingProxyType({})


def start(
    workspace: Workspace,
    spec: EnvironmentSpec,
    wanted: tuple[str, ...],
    note: Note = lambda _text: None,
) -> None:
    """Have these servers run and answer. What answers is left alone; only people wait for MLflow.

    `Refusal` MLS605 with the last lines of the log of what does not answer, MLS603 for a pinned
    port that is taken.
    """
    check_elsewhere(spec)
    workspace.root.mkdir(parents=True, exist_ok=True)
    ensure_supervisor(workspace)
    deployed = _deployments(workspace, spec)
    ours = names(spec)
    found = servers(workspace, tuple(name for name in wanted if name in ours), deployed)
    slow = {server.program.name for server in found if keep(workspace, server.program)}
    for name in wanted:
        if name not in ours:
            restart(workspace, name)
    checks = {
        server.program.name: partial(answers_ok, server.health)
        for server in found
        if server.program.name not in FOR_PEOPLE
    } | (_production_checks(deployed) if spec.serve.on == "processes" else {})
    checks |= {
        name: partial(stays_up, workspace, name) for name in wanted if name.startswith(FLOWS)
    }
    wait_until_answering(
        workspace,
        checks,
        report=lambda name, seconds: (
            note(f"{name} answers after {seconds:.1f} s") if name in slow else None
        ),
    )
    if ROUTER in checks:
        publish(workspace, deployed)
    redirect_flows(workspace, spec)


def redirect_flows(workspace: Workspace, spec: EnvironmentSpec) -> None:
    """Tell flows that are deployed where Prefect answers now: its port may have been taken."""
    for server in flow_servers(workspace):
        told = {**server.environment, **environment_variables(workspace, spec)}
        keep(workspace, replace(server, environment=told))


def serve_flows(
    workspace: Workspace,
    spec: EnvironmentSpec,
    model: str,
    key: str,
    variables: Mapping[str, str] = NONE,
) -> None:
    """Have a model's flows deployed and run when due; `key` is the digest of their text.

    `variables`: which cluster they roll out on, where that is not this machine.
    """
    server = flow_server(workspace, spec, model, key)
    keep(workspace, replace(server, environment={**server.environment, **variables}))


def missing_programs(workspace: Workspace, spec: EnvironmentSpec) -> tuple[str, ...]:
    """What `start` would start: servers that do not run or answer, and programs that gave up.

    Looks, and changes nothing. Without a supervisor only the servers are named; with it come back
    the flows and the services that it kept.
    """
    found = processes(workspace)
    alive = {process.name for process in found if process.condition in ("running", "starting")}
    given_up = (process.name for process in found if process.name not in alive)
    astray = (name for name in astray_flows(workspace, spec) if found)
    lacking = (n for n in names(spec) if n not in alive or not in_place(workspace, n))
    return tuple(dict.fromkeys((*lacking, *given_up, *astray)))


def withdraw(
    workspace: Workspace, deployments: Deployments, model: str, releases: tuple[str, ...]
) -> None:
    """Give production all traffic again, then stop these releases: state, router, processes."""
    forget(deployments, model, releases)
    publish(workspace, deployments)
    for release in releases:
        remove(workspace, cluster_name(model, release))
        forget_port(workspace, cluster_name(model, release))


def forget(deployments: Deployments, model: str, releases: tuple[str, ...]) -> None:
    """Give production all traffic again, in the state, and forget these releases."""
    production = deployments.production(model)
    if production is not None:
        deployments.save(replace(production, weight=1.0))
    for release in releases:
        found = deployments.find(model, release)
        if found is not None:
            deployments.remove(found)


def running(workspace: Workspace) -> tuple[Process, ...]:
    """Every program that the supervisor keeps, by name."""
    return processes(workspace)


def stop(workspace: Workspace) -> tuple[str, ...]:
    """End everything of this environment on this machine; the names of what ran. Data stays."""
    return stop_supervisor(workspace)


def _production_checks(deployed: tuple[Deployment, ...]) -> dict[str, Callable[[], bool]]:
    """Production must answer before anything else is done; other releases are the rollout's."""
    return {
        cluster_name(d.model, d.release): partial(answers_ok, f"http://127.0.0.1:{d.port}/readyz")
        for d in deployed
        if d.role == "production" and d.port is not None
    }


def _deployments(workspace: Workspace, spec: EnvironmentSpec) -> tuple[Deployment, ...]:
    url = environment_variables(workspace, spec).get("MLOPS_SPEC_STATE")
    store = Store(url) if url else Store.at(workspace.state)
    try:
        return Deployments(store, workspace.environment).all()
    finally:
        store.close()
