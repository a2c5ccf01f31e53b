"""Held-out rows as a client sends them, read as the service reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, create_model

from mlops_spec.runtime.declare import ColumnType
from mlops_spec.runtime.portable.scorer import Columns
from mlops_spec.runtime.rollout.request_rows import request_rows
from mlops_spec.runtime.service.typed_rows import RowReader
from mlops_spec.runtime.train.fitted import FittedModel

# Fewer than what is encoded by column: these are encoded row by row, as a request of one row is.
ROWS_AT_ONCE: Final = 50
_TYPES: Final[dict[ColumnType, Any]] = {
    "float": float, "integer": int, "boolean": bool, "category": str, "timestamp": datetime,
}  # fmt: skip


def requested(model: FittedModel, rows: pd.DataFrame, at_once: int) -> list[Columns]:
    """The columns that the service gives to the scorer, for requests of `at_once` rows each.

    `BadRequest` for rows that a service would refuse.
    """
    features = model.recipe.features
    # A request's key and time are no features; the first feature stands in for both.
    dataset = replace(model.dataset, key=features[0], time=None)
    sent = request_rows(rows, dataset, features)
    reader = RowReader(_row_of(model), at_once)
    parts = (sent[start : start + at_once] for start in range(0, len(sent), at_once))
    return [reader.read(json.dumps({"rows": part}).encode()).columns for part in parts]


def _row_of(model: FittedModel) -> type[BaseModel]:
    """The row of a request, strict as a rendered service's; limits of columns are not checked."""
    fields: dict[str, Any] = {
        f"feature_{place}": (_TYPES[model.dataset.column(name).type] | None, Field(alias=name))
        for place, name in enumerate(model.recipe.features)
    }
    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    return create_model("Row", __config__=config, **fields)
