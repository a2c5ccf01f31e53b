"""What every spec model shares: strict, frozen, no extra keys, a change class on every field."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticUndefined

_CHANGE: Final = "x-change"


class Change(StrEnum):
    """What a changed field makes necessary, from nothing to everything."""

    DOCS = "docs"
    MONITOR = "monitor"
    BATCH = "batch"
    ROLLOUT = "rollout"
    GATE = "gate"
    SCALE = "scale"
    SERVE = "serve"
    TRAIN = "train"
    DATA = "data"


class SpecModel(BaseModel):
    """A mapping in a spec file."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


def field(change: Change, doc: str, default: Any = PydanticUndefined, **constraints: Any) -> Any:
    """A field of the language: what its change means, its one-line description, its default."""
    return Field(default, description=doc, json_schema_extra={_CHANGE: change.value}, **constraints)


def change_of(model: type[SpecModel], name: str) -> Change:
    """The change class of a field; `KeyError` for a field without one, which fails our build."""
    extra = model.model_fields[name].json_schema_extra
    if not isinstance(extra, dict):
        raise KeyError(f"{model.__name__}.{name} has no change class")
    return Change(str(extra[_CHANGE]))
