"""The variables that every process of an environment is started with."""

from __future__ import annotations

import os
from typing import Final

from mlops_spec.runtime.machine.ports import port_for, remembered
from mlops_spec.terms.workspace import Workspace

PREFECT: Final = "prefect"
MLFLOW: Final = "mlflow"

# Nothing here reports home, and nothing asks a server for its version before it works.
QUIET: Final = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONUNBUFFERED": "1",
}


def environment_variables(
    workspace: Workspace,
    *,
    orchestrator: str = "prefect",
    registry: str = "sqlite",
    state: str | None = None,
) -> dict[str, str]:
    """What flows and services find their servers and their files by.

    `orchestrator` and `registry` are as in the environment's spec: `prefect` and `sqlite` stand for
    those of this machine, anything else is a URL. `state` is the SQLAlchemy URL of a shared state.
    """
    root = workspace.root.resolve()
    found = {
        **QUIET,
        # Services and router share the cores. Threads of OpenMP that wait for one another on a busy
        # core made a fit of 1.4 s take 4 to 14 s on two cores.
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")
        or str((os.cpu_count() or 2) // 2 or 1),
        "MLOPS_SPEC_WORKSPACE": str(root),
        "BENTOML_HOME": str(workspace.bentoml_home.resolve()),
        "MLFLOW_TRACKING_URI": workspace.mlflow_uri if registry == "sqlite" else registry,
        "PREFECT_HOME": str(workspace.prefect_home.resolve()),
        "PREFECT_API_URL": prefect_api(workspace) if orchestrator == "prefect" else orchestrator,
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        # An estimator of the user's own is found beside mlops.yaml.
        "PYTHONPATH": str(root.parent.parent),
        # A forgotten server must be an error, not a second, hidden one that starts in 20 s.
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    }
    return found if state is None else {**found, "MLOPS_SPEC_STATE": state}


def prefect_api(workspace: Workspace) -> str:
    """The URL of the API of this machine's Prefect server, running or not."""
    port = remembered(workspace).get(PREFECT) or port_for(workspace, PREFECT)
    return f"http://127.0.0.1:{port}/api"
