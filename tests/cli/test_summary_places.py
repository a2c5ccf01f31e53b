"""What is told at the end of an apply leads to models that are live, and to no other."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlops_spec.cli.views.summary import _places
from mlops_spec.state import Deployment
from mlops_spec.terms.workspace import Workspace

LIVE = Deployment("trip", "r7", "run", "7", "production", 1.0, port=5001)


def _story(model: str, live: Deployment | None, window: object = None) -> Any:
    return SimpleNamespace(model=model, live=live, window=window, run="")


@pytest.mark.parametrize(
    ("window", "next_one"),
    [(None, "spec run monitor trip   or   spec status"), (object(), "spec status")],
    ids=["not looked at", "looked at"],
)
def test_a_model_that_is_not_live_has_no_address_and_no_monitor(
    tmp_path: Path, window: object, next_one: str
) -> None:
    workspace = Workspace.of(tmp_path, "local")
    workspace.ports.parent.mkdir(parents=True, exist_ok=True)
    workspace.ports.write_text(json.dumps({"router": 8000}))
    site: Any = SimpleNamespace(workspace=workspace, project=SimpleNamespace(models=()))
    told = (_story("fare", None), _story("trip", LIVE, window))

    assert dict(_places(site, told)) == {"trip": "http://127.0.0.1:8000/trip/", "next": next_one}


def test_where_nothing_is_live_the_status_says_why(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    site: Any = SimpleNamespace(workspace=workspace, project=SimpleNamespace(models=()))
    assert list(_places(site, (_story("fare", None),))) == [("next", "spec status")]
