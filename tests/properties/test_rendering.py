"""Order means nothing, and a change shows only where it matters."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from language import REPOSITORY
from ruamel.yaml import YAML

from mlops_spec.model.files import FileSet
from mlops_spec.model.manifest import manifest_path
from mlops_spec.pipeline import compile_project, render_project

SPECS = REPOSITORY / "examples" / "flights" / "specs" / "flight-delay.yaml"
PROJECT = REPOSITORY / "examples" / "flights" / "mlops.yaml"
READER = YAML(typ="safe", pure=True)  # 1.2, as the language is: `on` is a text
Documents = list[dict[str, Any]]
MODEL = "generated/production/flight-delay"


@pytest.fixture
def documents() -> Documents:
    return list(READER.load_all(SPECS.read_text(encoding="utf-8")))


def _rendered(root: Path, documents: Documents, project: Any = None) -> FileSet:
    (root / "specs").mkdir(parents=True)
    found = project or READER.load(PROJECT.read_text())
    (root / "mlops.yaml").write_text(yaml.safe_dump(found, sort_keys=False))
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True)
    (root / "specs" / "flight-delay.yaml").write_text(text, encoding="utf-8")
    return render_project(compile_project(root)[0], "production")


def _shuffled(value: Any, rng: random.Random) -> Any:
    """The same mappings in another order of keys; lists stay, for their order means something."""
    if isinstance(value, dict):
        keys = rng.sample(sorted(value), len(value))
        return {key: _shuffled(value[key], rng) for key in keys}
    return [_shuffled(item, rng) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_documents_and_keys_means_nothing(
    tmp_path: Path, documents: Documents, seed: int
) -> None:
    rng = random.Random(seed)
    project = _shuffled(READER.load(PROJECT.read_text()), rng)
    shuffled = [_shuffled(document, rng) for document in rng.sample(documents, len(documents))]
    assert dict(_rendered(tmp_path / "a", documents)) == dict(
        _rendered(tmp_path / "b", shuffled, project)
    )


def _set(kind: str, *path: str) -> Callable[[Documents, Any], None]:
    def change(documents: Documents, value: Any) -> None:
        target = next(document for document in documents if document["kind"] == kind)
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


IMAGE = f"{MODEL}/service/Dockerfile"  # its labels name what it is made of
FLOWS = {f"{MODEL}/flows/{name}.py" for name in ("train", "rollout", "monitor")}
# The same alerts, as a file and as an object.
RULES = {f"{MODEL}/prometheus/rules.yaml", f"{MODEL}/kubernetes/prometheus-rule.yaml"}
# What a change may show in, by what was changed. The manifest always says so.
LOCAL: dict[str, tuple[Callable[[Documents, Any], None], Any, set[str]]] = {
    "a description of the model": (_set("Model", "description"), "other", set()),
    "the owner": (_set("Model", "owner"), "me", RULES),
    "a schedule": (
        _set("Model", "retrain", "schedule"), "0 4 * * 1", {*FLOWS, f"{MODEL}/flows/serve.py"},
    ),
    "a parameter": (_set("Model", "train", "params", "max_iter"), 151, {*FLOWS, IMAGE}),
    "a gate": (_set("Gates", "metrics", "roc_auc", "min"), 0.71, FLOWS),
    "a promise": (
        _set("Model", "serve", "slo", "errors"), "2%", {*FLOWS, *RULES},
    ),
    "a number of copies": (
        _set("Model", "serve", "replicas"), {"max": 20},
        {f"{MODEL}/kubernetes/autoscaler.yaml"},
    ),
    "a column's description": (
        _set("Dataset", "columns", "carrier", "description"), "airline",
        {f"{MODEL}/service/service.py"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "value", "shows_in"), LOCAL.values(), ids=LOCAL)
def test_a_change_shows_only_where_it_matters(
    tmp_path: Path,
    documents: Documents,
    change: Callable[[Documents, Any], None],
    value: Any,
    shows_in: set[str],
) -> None:
    before = dict(_rendered(tmp_path / "a", documents))
    change(documents, value)
    after = dict(_rendered(tmp_path / "b", documents))
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed - {manifest_path("production")} == shows_in


def test_another_model_leaves_this_ones_files_alone(tmp_path: Path, documents: Documents) -> None:
    before = dict(_rendered(tmp_path / "a", documents))
    model = next(document for document in documents if document["kind"] == "Model")
    batch = {**model["batch"], "output": {"parquet": "data/others"}}
    other = {**model, "name": "other", "batch": batch}
    after = dict(_rendered(tmp_path / "b", [*documents, other]))
    own = {path: text for path, text in after.items() if path.startswith(f"{MODEL}/")}
    assert own == {path: text for path, text in before.items() if path.startswith(f"{MODEL}/")}
    assert any("/other/" in path for path in after)


NASTY = 'it\'s "5"\\n${HOME} `id` {{ x }} #\u2028 Δ €'


def test_no_text_of_a_spec_breaks_out_of_its_place(tmp_path: Path, documents: Documents) -> None:
    """Rendering checks that every file parses; names keep what they are."""
    _set("Model", "description")(documents, NASTY)
    _set("Model", "owner")(documents, NASTY)
    _set("Model", "train", "estimator")(documents, "own.model")
    _set("Model", "train", "params", "tag")(documents, NASTY)
    _set("Dataset", "columns", "carrier", "description")(documents, NASTY)
    _set("Dataset", "columns", NASTY.replace("\u2028", ""))(documents, {"type": "float"})
    model = next(document for document in documents if document["kind"] == "Model")
    model["features"].append(NASTY.replace("\u2028", ""))
    files = dict(_rendered(tmp_path, documents))
    rules = yaml.safe_load(files[f"{MODEL}/prometheus/rules.yaml"])
    alert = next(rule for rule in rules["groups"][0]["rules"] if "alert" in rule)
    assert alert["annotations"]["owner"] == NASTY.replace("{{", "{ {")
