"""JSON Schema of the language, made from the models that check it."""

from __future__ import annotations

import json
from typing import Any, Final

from mlops_spec.model.spec.base import SpecModel
from mlops_spec.model.spec.kinds import KINDS
from mlops_spec.model.spec.project import ProjectSpec

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
# What may stand in specs/ by kind, and mlops.yaml as `Project`.
SCHEMAS: Final[dict[str, type[SpecModel]]] = {**KINDS, "Project": ProjectSpec}


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
    return {**model.model_json_schema(), "title": model.__name__.removesuffix("Spec")}


def file_name(kind: str) -> str:
    """Where the schema of a kind is kept under `specs/`."""
    return f"{kind.lower()}.schema.json"


def schema_text(kind: str) -> str:
    """The bytes of that file."""
    return json.dumps(schema_of(kind), indent=2, ensure_ascii=False) + "\n"
