"""Who signs, who is believed, where runs are shown: from an environment to what files say."""

from __future__ import annotations

import pytest
from language import write_project

from mlops_spec.lower import lower
from mlops_spec.lower.declarations import call
from mlops_spec.lower.signatures import NOBODY, WORKSPACE
from mlops_spec.model.facets import facets
from mlops_spec.model.plan import BatchFlow, Call, RolloutFlow, ServiceApp, TrainFlow
from mlops_spec.model.project import Project
from mlops_spec.model.spec.base import Change
from mlops_spec.pipeline import compile_project, render_project
from mlops_spec.runtime.evidence import keys

KEY = "hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc="
OTHER = "AAAcJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc="
PROJECT = f"""\
# mlops.yaml
project: trips
environments:
  local:
    serve: {{on: processes, router: envoy}}
  signed:
    serve: {{on: processes, router: envoy}}
    signing: {{public_key: {KEY}, key_env: SIGNED_KEY}}
    tracking: {{wandb: {{project: trips, mode: offline}}}}
  rotated:
    serve: {{on: processes, router: envoy}}
    signing: {{public_key: {OTHER}, key_env: SIGNED_KEY}}
  cluster:
    serve: {{on: kubernetes, router: gateway-api}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = write_project(tmp_path_factory.mktemp("project") / "p", PROJECT.encode())
    return compile_project(root)[0]


def said(project: Project, environment: str, kind: type, field: str) -> Call | None:
    """What the first artifact of a kind says in a field."""
    found = (a for a in lower(project, environment).artifacts if isinstance(a, kind))
    value: Call | None = getattr(next(found), field)
    return value


@pytest.mark.parametrize(
    ("environment", "signer"),
    [("local", "workspace"), ("signed", KEY), ("cluster", "nobody")],
)
def test_services_and_batch_flows_say_whom_they_believe(
    project: Project, environment: str, signer: str
) -> None:
    expected = call("Trust", environment=environment, signer=signer)
    assert said(project, environment, ServiceApp, "trust") == expected
    assert said(project, environment, BatchFlow, "trust") == expected


def test_the_rollout_says_whose_key_signs(project: Project) -> None:
    assert said(project, "local", RolloutFlow, "signing") is None
    assert said(project, "signed", RolloutFlow, "signing") == call(
        "Signing", public_key=KEY, key_env="SIGNED_KEY"
    )


def test_compiler_and_runtime_use_the_same_words() -> None:
    assert (WORKSPACE, NOBODY) == (keys.WORKSPACE, keys.NOBODY)


def test_another_key_is_another_release_and_trains_nothing(project: Project) -> None:
    (model, *_) = project.models
    found = {name: facets(model, spec) for name, spec in project.environments.items()}
    changed = {change for change in Change if found["signed"][change] != found["rotated"][change]}
    assert changed == {Change.SERVE}
    assert found["local"] == found["cluster"] == facets(model)


def test_a_second_tracker_is_in_the_flow_only_where_it_was_asked_for(project: Project) -> None:
    assert said(project, "local", TrainFlow, "wandb") is None
    assert said(project, "signed", TrainFlow, "wandb") == call(
        "Wandb", project="trips", mode="offline"
    )
    flows = {name: str(dict(render_project(project, name))) for name in ("local", "signed")}
    assert "Wandb" not in flows["local"]
    assert "steps.track(context, DATASET, RECIPE, run, WANDB, REGISTRY)" in flows["signed"]
