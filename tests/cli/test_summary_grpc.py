"""Where gRPC is answered is told where a service answers it, and what a call has to say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlops_spec.cli.views.summary import _grpc_places
from mlops_spec.observe.story import Story
from mlops_spec.state import Deployment
from mlops_spec.terms.workspace import Workspace

LIVE = Deployment("trip", "r7", "run", "7", "production", 1.0, port=5001)


def places(root: Path, *, grpc: bool, live: Deployment | None = LIVE) -> list[tuple[str, str]]:
    workspace = Workspace.of(root, "local")
    workspace.ports.parent.mkdir(parents=True, exist_ok=True)
    workspace.ports.write_text(json.dumps({"router": 5000, "trip--r7-grpc": 5002}))
    serve = SimpleNamespace(grpc=grpc)
    model = SimpleNamespace(name="trip", spec=SimpleNamespace(serve=serve))
    site: Any = SimpleNamespace(
        workspace=workspace, project=SimpleNamespace(models=(model,))
    )  # fmt: skip
    told: Any = SimpleNamespace(model="trip", live=live)
    story: Story = told
    return list(_grpc_places(site, (story,)))


def test_the_release_that_is_live_is_reached_through_the_router(tmp_path: Path) -> None:
    told = "127.0.0.1:5000  with the metadata x-mlops-model: trip"
    assert places(tmp_path, grpc=True) == [("gRPC", told)]
    assert places(tmp_path, grpc=True, live=replace(LIVE, release="r8")) == []


def test_nothing_is_told_without_grpc_or_without_a_release(tmp_path: Path) -> None:
    assert places(tmp_path, grpc=False) == []
    assert places(tmp_path, grpc=True, live=None) == []
