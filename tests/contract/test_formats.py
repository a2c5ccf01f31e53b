"""What we print is accepted by its real reader."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from language import REPOSITORY, write_project

from mlops_spec.lower import lower
from mlops_spec.model.plan import Artifact, Call, Manifest
from mlops_spec.pipeline import compile_project
from mlops_spec.render import render_artifact
from mlops_spec.runtime import declare
from mlops_spec.terms.exposition import EXPOSED

_RECORDED = re.compile(r"\bmlops:[a-z0-9_:]+\b")
_EXPOSED = re.compile(r"\bmlops_[a-z0-9_]+\b")
_SELECTOR = re.compile(r"\b(mlops_[a-z0-9_]+)\{([^}]*)\}")


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[Artifact]:
    sample = write_project(tmp_path_factory.mktemp("sample"))
    projects = [compile_project(root)[0] for root in (REPOSITORY / "examples/flights", sample)]
    return [a for p in projects for name in p.environments for a in lower(p, name).artifacts]


def _manifests(artifacts: list[Artifact], below: str) -> Iterator[Mapping[str, Any]]:
    for artifact in artifacts:
        if isinstance(artifact, Manifest) and artifact.path.startswith(below):
            (text,) = render_artifact(artifact).values()
            yield from yaml.safe_load_all(text)


def _built(value: Any) -> Any:
    match value:
        case Call():
            made = getattr(declare, value.name)
            return made(**{name: _built(item) for name, item in value.arguments})
        case tuple():
            return tuple(map(_built, value))
        case _:
            return value


def _calls(artifact: Artifact) -> list[Call]:
    values = (getattr(artifact, field.name) for field in dataclasses.fields(artifact))
    flat = (item for value in values for item in (value if isinstance(value, tuple) else (value,)))
    return [value for value in flat if isinstance(value, Call)]


def test_every_call_builds_the_dataclass_of_its_name(artifacts: list[Artifact]) -> None:
    built = {
        found.name: _built(found) for artifact in artifacts for found in _calls(artifact)
    }  # fmt: skip
    assert sorted(built) == [
        "CanaryStep", "Cluster", "Dataset", "Drift", "Folder", "Gates", "Limits", "Recipe",
        "Retrain", "Service", "Shadow", "Signing", "Table", "Trust", "Wandb",
    ]  # fmt: skip
    for name, value in built.items():
        assert type(value).__name__ == name
        _check_types(value)


def _check_types(value: Any) -> None:
    """A float field holds a number that is no integer by accident of the spec, and no text."""
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if field.type == "float":
            assert isinstance(item, int | float), f"{type(value).__name__}.{field.name}"
        for inner in item if isinstance(item, tuple) else (item,):
            if dataclasses.is_dataclass(inner):
                _check_types(inner)


def test_alerts_read_only_what_is_exposed_or_recorded(artifacts: list[Artifact]) -> None:
    for document in _manifests(artifacts, "prometheus/"):
        rules = [rule for group in document["groups"] for rule in group["rules"]]
        recorded = {rule["record"] for rule in rules if "record" in rule}
        read = " ".join(rule["expr"] for rule in rules)
        assert set(_RECORDED.findall(read)) == recorded
        assert set(_EXPOSED.findall(read)) <= set(EXPOSED)


def test_alerts_select_only_labels_that_exist(artifacts: list[Artifact]) -> None:
    for document in _manifests(artifacts, "prometheus/"):
        for group in document["groups"]:
            for rule in group["rules"]:
                for series, selectors in _SELECTOR.findall(rule["expr"]):
                    labels = set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", selectors))
                    # The operator's Prometheus gives each series its pod's namespace.
                    assert labels <= EXPOSED[series] | {"namespace"}, rule
