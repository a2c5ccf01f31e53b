"""Flow runs on a Prefect server, through Prefect's own client."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mlops_spec.targets.orchestrator import FlowRun, NotServed, OrchestratorGone

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun as PrefectRun
    from prefect.client.schemas.responses import DeploymentResponse


class PrefectRuns:
    """An `Orchestrator`. Importing Prefect takes seconds, so that is put off to the first call.

    `environment` holds PREFECT_API_URL and the switches that keep telemetry off; Prefect reads it
    when it is imported.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        os.environ.update(environment)

    def start(self, deployment: str, parameters: dict[str, Any], key: str) -> FlowRun:
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey

        with _client() as client:
            same = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=[key]))
            found = client.read_flow_runs(flow_run_filter=same, limit=1)
            if found:
                return _seen(found[0], fresh=False)
            target = _deployed(client, deployment)
            run = client.create_flow_run_from_deployment(
                target.id, parameters=parameters, idempotency_key=key
            )
            return _seen(run, fresh=True)

    def look(self, id: str) -> FlowRun:
        with _client() as client:
            return _seen(client.read_flow_run(UUID(id)), fresh=True)

    def give_up(self, id: str, reason: str) -> None:
        from prefect.states import Crashed

        with _client() as client:
            client.set_flow_run_state(UUID(id), Crashed(message=reason), force=True)


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

    try:
        with get_client(sync_client=True) as client:
            yield client
    except (httpx.TransportError, PrefectHTTPStatusError, ObjectNotFound, RuntimeError) as error:
        url = os.environ.get("PREFECT_API_URL", "no address")
        raise OrchestratorGone(f"Prefect at {url}: {type(error).__name__}: {error}") from error


def _deployed(client: SyncPrefectClient, deployment: str) -> DeploymentResponse:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_deployment_by_name(deployment)
    except ObjectNotFound as error:
        raise NotServed(deployment) from error


def _seen(run: PrefectRun, *, fresh: bool) -> FlowRun:
    state = run.state
    if state is None:
        return FlowRun(str(run.id), False, False, "", fresh)
    message = f"{state.name}: {state.message or 'no message'}"
    ended, well = state.is_final(), state.is_completed()
    return FlowRun(str(run.id), ended, well, message, fresh, state.is_running())
