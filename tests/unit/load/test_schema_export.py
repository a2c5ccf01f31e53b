"""The schemas that editors use are those of the models, and agree with them on samples."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from language import INVALID, KINDS, SPECS

from mlops_spec.load.schema_export import SCHEMAS, file_name, schema_of, schema_text
from mlops_spec.model.spec.base import SpecModel, change_of
from mlops_spec.model.spec.describe import Takes

SAMPLES = [
    (sample.name.split(".")[0], document)
    for sample in sorted(SPECS.glob("*.yaml"))
    for document in yaml.load_all(sample.read_text(), Loader=yaml.BaseLoader)
]


def models_below(model: type[SpecModel]) -> set[type[SpecModel]]:
    """A model and every model that its fields hold."""
    found = {model}
    for info in model.model_fields.values():
        takes = Takes.of(info)
        inner = takes.inside("") if takes.is_collection() else takes
        if inner is not None and inner.model() is not None:
            found |= models_below(inner.model())
    return found


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_committed_schema_is_the_generated_one(kind: str) -> None:
    assert (SPECS / file_name(kind)).read_text(encoding="utf-8") == schema_text(kind)


@pytest.mark.parametrize("kind", [*SCHEMAS, None])
def test_a_schema_is_a_schema(kind: str | None) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_has_a_change_class_and_a_line_of_description(kind: str) -> None:
    for model in models_below(SCHEMAS[kind]):
        for name, info in model.model_fields.items():
            assert change_of(model, name), f"{model.__name__}.{name}"
            assert info.description, f"{model.__name__}.{name}"


def test_every_kind_has_a_minimal_and_a_full_sample() -> None:
    kinds = {*KINDS, "project"}

    assert {path.name for path in SPECS.glob("*.yaml")} == {
        f"{kind}.{size}.yaml" for kind in kinds for size in ("minimal", "full")
    }


def test_a_full_sample_names_every_field_of_its_kind() -> None:
    for kind, model in SCHEMAS.items():
        documents = [document for name, document in SAMPLES if name == kind.lower()]
        named = {key for document in documents for key in document}
        assert named == set(model.model_fields)


def plain(path: Path) -> list[object]:
    """The documents of a file, typed as the language reads them."""
    from mlops_spec.diagnostics import Diagnostics, SourceText
    from mlops_spec.load.yaml_reader import read_yaml

    found = Diagnostics()
    trees = read_yaml(SourceText(path.name, path.read_text(encoding="utf-8")), found)
    return [listed(tree.value) for tree in trees]


def listed(value: object) -> object:
    """Tuples to lists, which is what JSON Schema knows."""
    match value:
        case dict():
            return {key: listed(item) for key, item in value.items()}
        case tuple():
            return [listed(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.yaml")), ids=lambda path: path.name)
def test_the_schema_accepts_what_the_language_accepts(path: Path) -> None:
    kind = "Project" if path.name.startswith("project") else None
    for document in plain(path):
        jsonschema.validate(document, schema_of(kind), cls=jsonschema.Draft202012Validator)


SCHEMA_CODES = ("MLS201", "MLS202", "MLS203", "MLS205")


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(INVALID.glob("*.yaml")) if path.stem.startswith(SCHEMA_CODES)],
    ids=lambda path: path.stem,
)
def test_the_schema_refuses_what_the_language_refuses(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(schema_of(None))

    assert not all(validator.is_valid(document) for document in plain(path))
