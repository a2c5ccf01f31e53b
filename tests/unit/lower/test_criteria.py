"""An environment that asks a person: its flows say what is to be confirmed, and start nothing."""

from __future__ import annotations

import ast

import pytest
from language import write_project

from mlops_spec.pipeline import compile_project, render_project

ENVIRONMENTS = """\
# mlops.yaml
project: trips
environments:
  free:
    serve: {on: processes, router: envoy}
  asked:
    serve: {on: processes, router: envoy}
    approval: {criteria: ["The card was read.", "Quote \\" and Ελληνικά {{ x }}"]}
"""


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = write_project(tmp_path_factory.mktemp("project") / "p", ENVIRONMENTS.encode())
    project = compile_project(root)[0]
    return {
        path: text
        for environment in ("free", "asked")
        for path, text in render_project(project, environment)
        if path.endswith(("late-trip/flows/train.py", "late-trip/flows/rollout.py"))
    }


def assigned(text: str, name: str) -> object:
    found = [
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    return ast.literal_eval(found[0]) if found else None


def test_the_rollout_flow_holds_the_criteria(flows: dict[str, str]) -> None:
    asked = flows["generated/asked/late-trip/flows/rollout.py"]

    assert assigned(asked, "CRITERIA") == ("The card was read.", 'Quote " and Ελληνικά {{ x }}')
    assert "Policy(SHADOW, CANARY, LIMITS, CRITERIA)" in asked
    assert "CRITERIA" not in flows["generated/free/late-trip/flows/rollout.py"]


def test_a_training_starts_no_rollout_where_a_person_is_asked(flows: dict[str, str]) -> None:
    asked, free = (
        flows[f"generated/{name}/late-trip/flows/train.py"] for name in ("asked", "free")
    )

    assert "run_deployment" not in asked
    assert "start_rollout(run)" in free
