"""One break, one report; honest positions; order means nothing."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from language import KINDS, SPECS, found_in, write_project

from mlops_spec.diagnostics import Diagnostics, SourceText
from mlops_spec.load.yaml_reader import read_yaml
from mlops_spec.model.facets import flatten
from mlops_spec.model.spec.base import SpecModel
from mlops_spec.model.spec.describe import Takes
from mlops_spec.model.spec.kinds import KINDS as MODELS
from mlops_spec.pipeline import compile_project


def documents() -> Iterator[tuple[str, Any]]:
    """(kind, tree) of every document of the full samples."""
    for kind in KINDS:
        text = (SPECS / f"{kind}.full.yaml").read_text()
        for tree in read_yaml(SourceText(kind, text), Diagnostics()):
            yield kind, tree


def as_yaml(value: Any) -> str:
    """A value in flow style, quoted so that it is read back the same."""
    match value:
        case dict():
            return "{" + ", ".join(f"{as_yaml(k)}: {as_yaml(v)}" for k, v in value.items()) + "}"
        case tuple() | list():
            return "[" + ", ".join(map(as_yaml, value)) + "]"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case _:
            return repr(value)


def as_document(value: dict[str, Any]) -> bytes:
    return "".join(f"{key}: {as_yaml(item)}\n" for key, item in value.items()).encode()


def required_keys() -> Iterator[tuple[dict[str, Any], tuple[str | int, ...]]]:
    for _, tree in documents():
        yield from (
            (tree.value, at) for at in _required(MODELS[tree.value["kind"]], tree.value, ())
            if at not in {("kind",), ("name",)}
        )  # fmt: skip


def _required(model: type[SpecModel], value: Any, at: tuple[str | int, ...]) -> Iterator[Any]:
    for name, info in model.model_fields.items():
        if name not in value:
            continue
        if info.is_required():
            yield (*at, name)
        inner = Takes.of(info).model()
        if inner is not None:
            yield from _required(inner, value[name], (*at, name))


def changed(value: Any, at: tuple[str | int, ...], change: Any) -> Any:
    """The document with the mapping that holds `at` changed by `change(mapping, key)`."""
    if len(at) == 1:
        return change(dict(value), at[0])
    return {**value, at[0]: changed(value[at[0]], at[1:], change)}


def without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in mapping.items() if name != key}


def misspelt(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {(f"{name}x" if name == key else name): item for name, item in mapping.items()}


def emptied(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {**mapping, key: [[]]}


CASES = list(required_keys())
NAMES = [f"{value['kind']}.{'.'.join(map(str, at))}" for value, at in CASES]


@pytest.mark.parametrize(("value", "at"), CASES, ids=NAMES)
@pytest.mark.parametrize(
    ("change", "code"), [(without, "MLS205"), (misspelt, "MLS203"), (emptied, "MLS204")]
)
def test_one_break_gives_one_report(
    value: dict[str, Any], at: tuple[str, ...], change: Any, code: str, tmp_path: Path
) -> None:
    case = as_document(changed(value, at, change))

    assert [d.code.id for d in found_in(write_project(tmp_path / "project", case))] == [code]


def test_every_key_and_value_stands_where_its_place_says() -> None:
    for kind, tree in documents():
        source = SourceText(kind, (SPECS / f"{kind}.full.yaml").read_text())
        for loc, span in tree.places.keys.items():
            line = source.line(span.start.line)
            assert line[span.start.column - 1 :].strip("'\"").startswith(str(loc[-1]))


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_files_documents_and_keys_means_nothing(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    root = write_project(tmp_path / "project")
    for path in (root / "specs").iterdir():
        path.unlink()
    trees = [tree for _, tree in documents()]
    chance.shuffle(trees)
    for number, tree in enumerate(trees):
        keys = list(tree.value)
        chance.shuffle(keys)
        text = as_document({key: tree.value[key] for key in keys})
        (root / "specs" / f"{number}.yaml").write_bytes(b"# a comment\n" + text)
    project, found = compile_project(root)
    expected, _ = compile_project(write_project(tmp_path / "expected"))

    assert list(found) == []
    assert [flatten(m) for m in project.models] == [flatten(m) for m in expected.models]
