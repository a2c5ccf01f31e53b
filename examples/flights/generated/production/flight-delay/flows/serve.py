# Generated from specs/flight-delay.yaml. Do not edit: change the spec, then run `spec render`.
"""Keeps the flows of flight-delay deployed, and runs them when asked or due.

Run it from the project root, with PREFECT_API_URL set to the server that keeps the schedules.
"""

import os
from pathlib import Path
from typing import Any

# Prefect reads these while it is imported.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from prefect import Flow, serve
from prefect.flows import load_flow_from_entrypoint
from prefect.schedules import Cron

FLOWS = Path(__file__).resolve().parent
ENVIRONMENT = "production"


def flow(name: str) -> Flow[..., Any]:
    """The flow of that name, from the file of that name beside this one."""
    return load_flow_from_entrypoint(f"{FLOWS / name}.py:{name}")


if __name__ == "__main__":
    serve(
        flow("train").to_deployment(
            name=ENVIRONMENT,
            schedule=Cron("0 3 * * 1", timezone="UTC", parameters={"then_rollout": True}),
        ),
        flow("rollout").to_deployment(name=ENVIRONMENT),
        flow("monitor").to_deployment(name=ENVIRONMENT),
        flow("batch").to_deployment(name=ENVIRONMENT),
    )
