"""JSON Schema of the language, made from the models that check it."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from mlops_spec.model.spec.base import SpecModel
from mlops_spec.model.spec.kinds import KINDS
from mlops_spec.model.spec.project import ProjectSpec

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
# What may stand in specs/ by kind, and mlops.yaml as `Project`.
SCHEMAS: Final[dict[str, type[SpecModel]]] = {**KINDS, "Project": ProjectSpec}
_NUMBER: Final[list[Any]] = [{"type": "number"}, {"type": "integer"}]
# pydantic leaves constraints on a union of numbers as its own words.
_BOUNDS: Final[dict[str, str]] = {
    "gt": "exclusiveMinimum", "lt": "exclusiveMaximum", "ge": "minimum", "le": "maximum",
}  # fmt: skip


class _AsWritten(GenerateJsonSchema):
    """Defaults as a spec would say them: `30d`, not an object with seconds."""

    def encode_default(self, dft: Any) -> Any:
        return _written(dft)


def _written(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case SpecModel():
            return {name: _written(getattr(value, name)) for name in type(value).model_fields}
        case dict():
            return {key: _written(item) for key, item in value.items()}
        case tuple() | list():
            return [_written(item) for item in value]
        case _:
            return str(value)


def schema_of(kind: str | None) -> dict[str, Any]:
    """The schema of one kind; of any document of `specs/` when none is named."""
    if kind is not None:
        return {"$schema": _DRAFT, **_titled(SCHEMAS[kind])}
    parts = {name: _titled(model) for name, model in KINDS.items()}
    shared = {key: value for part in parts.values() for key, value in part.pop("$defs", {}).items()}
    return {
        "$schema": _DRAFT,
        "title": "Spec",
        "oneOf": [{"$ref": f"#/$defs/{name}Spec"} for name in parts],
        "$defs": shared | {f"{name}Spec": part for name, part in parts.items()},
    }


def _titled(model: type[SpecModel]) -> dict[str, Any]:
    schema: dict[str, Any] = _cleaned(model.model_json_schema(schema_generator=_AsWritten))
    return {"title": model.__name__.removesuffix("Spec"), **schema}


def _cleaned(node: Any) -> Any:
    """Without the titles that repeat a key, with one `number` for both of Python's."""
    if isinstance(node, list):
        return [_cleaned(item) for item in node]
    if not isinstance(node, dict):
        return node
    titled = isinstance(node.get("title"), str) and ("type" in node or "anyOf" in node)
    cleaned: dict[str, Any] = {
        _BOUNDS.get(str(key), str(key)): _cleaned(value)
        for key, value in node.items()
        if not (key == "title" and titled)
    }
    return _one_number(cleaned)


def _one_number(node: dict[str, Any]) -> dict[str, Any]:
    choices = node.get("anyOf", [])
    if choices == _NUMBER:
        return {"type": "number", **{key: node[key] for key in node if key != "anyOf"}}
    if choices[:2] == _NUMBER:
        return {**node, "anyOf": [_NUMBER[0], *choices[2:]]}
    return node


def file_name(kind: str) -> str:
    """Where the schema of a kind is kept under `specs/`."""
    return f"{kind.lower()}.schema.json"


def schema_text(kind: str) -> str:
    """The bytes of that file."""
    return json.dumps(schema_of(kind), indent=2, ensure_ascii=False) + "\n"
