"""Calls of gRPC through Envoy: shares and copies of a rollout, and what its judge sees of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from local_router import envoy, until

from mlops_spec.runtime.machine.ports import grpc_of, remembered
from mlops_spec.runtime.router.access_log import arm_requests, cluster_name
from mlops_spec.runtime.router.envoy import publish
from mlops_spec.state import Deployment
from mlops_spec.terms.open_inference import GRPC_SERVICE, MODEL_METADATA
from mlops_spec.terms.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
METHOD = f"/{GRPC_SERVICE}/ModelInfer"
NAMED = ((MODEL_METADATA, "trip"),)


class Release:
    """It answers with its name, or with the status that it is told; and keeps the metadata."""

    def __init__(self) -> None:
        self.status: grpc.StatusCode | None = None
        self.heard: list[dict[str, Any]] = []
        self.port = 0

    def answer(self, request: bytes, context: Any) -> bytes:
        self.heard.append(dict(context.invocation_metadata()))
        if self.status is not None:
            context.abort(self.status, "as told")
        return request


@contextmanager
def listening() -> Iterator[Release]:
    found = Release()
    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(found.answer)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(GRPC_SERVICE, {"ModelInfer": handler}),)
    )
    found.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield found
    finally:
        server.stop(0).wait()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / ".spec/local")


@pytest.fixture
def releases(workspace: Workspace) -> Iterator[dict[str, Release]]:
    """`old` and `new` of trip behind the router."""
    with ExitStack() as stack:
        found = {name: stack.enter_context(listening()) for name in ("old", "new")}
        stack.enter_context(envoy(workspace))
        ports = {grpc_of(cluster_name("trip", name)): each.port for name, each in found.items()}
        workspace.ports.write_text(json.dumps({**remembered(workspace), **ports}))
        yield found


def arm(release: str, weight: float, mirror: bool = False) -> Deployment:
    role = "production" if release == "old" else "candidate"
    return Deployment("trip", release, "r", "1", role, weight, mirror, 1)


def ask(workspace: Workspace, metadata: tuple[tuple[str, str], ...] = NAMED) -> str:
    """Which release answered, by the router; the status where none did."""
    with grpc.insecure_channel(f"127.0.0.1:{remembered(workspace)['router']}") as channel:
        call = channel.unary_unary(METHOD)
        try:
            _, made = call.with_call(b"x", metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            return str(error.code().name)
        return str(dict(made.initial_metadata())["x-mlops-release"])


def test_calls_follow_the_shares_and_are_copied(
    workspace: Workspace, releases: dict[str, Release]
) -> None:
    publish(workspace, [arm("old", 1.0), arm("new", 0.0, mirror=True)])
    assert ask(workspace) == "old"
    until(lambda: len(releases["new"].heard) == 1)
    (copied,), (answered,) = releases["new"].heard, releases["old"].heard
    assert (copied["x-mlops-shadow"], copied["x-mlops-release"]) == ("1", "new")
    assert copied["x-request-id"] == answered["x-request-id"]
    assert "x-mlops-shadow" not in answered

    publish(workspace, [arm("old", 0.0), arm("new", 1.0)])
    assert ask(workspace, (*NAMED, ("x-mlops-shadow", "1"))) == "new"
    assert "x-mlops-shadow" not in releases["new"].heard[-1]


def test_the_judge_of_a_rollout_sees_calls_and_which_of_them_failed(
    workspace: Workspace, releases: dict[str, Release]
) -> None:
    publish(workspace, [arm("old", 0.0), arm("new", 1.0)])
    told = (None, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INVALID_ARGUMENT)  # fmt: skip
    for status in told:
        releases["new"].status = status
        assert ask(workspace) == ("new" if status is None else status.name)

    until(lambda: len(arm_requests(workspace, "trip")[0]) == len(told))
    records, _ = arm_requests(workspace, "trip")
    assert [(each.release, each.code, each.failed) for each in records] == [
        ("new", 200, False), ("new", 500, True), ("new", 503, True), ("new", 504, True),
        ("new", 400, False),
    ]  # fmt: skip
    assert all(0 < each.seconds < 20 and each.request_id for each in records)


def test_a_call_that_names_no_model_is_told_so(
    workspace: Workspace, releases: dict[str, Release]
) -> None:
    publish(workspace, [arm("old", 1.0)])
    assert ask(workspace, ()) == "UNIMPLEMENTED"
    assert ask(workspace, ((MODEL_METADATA, "other"),)) == "UNIMPLEMENTED"
    assert releases["old"].heard == []
