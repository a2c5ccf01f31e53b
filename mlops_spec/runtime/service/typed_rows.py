"""From the bytes of a request to columns, through the pydantic model of a row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args

from pydantic import BaseModel, Field, ValidationError, create_model

KEY_FIELD: Final = "row_key"
TIME_FIELD: Final = "row_time"
# A request for many rows has one key, so it is the first; one row cannot hold a list.
_MANY: Final = re.compile(rb'\s*\{\s*"rows"\s*:\s*\[')
_SHOWN: Final = 20  # problems named in one answer
_STATUS: Final = {"json_invalid": 400, "too_long": 413}
_DECLARED: Final = {
    float: "float", int: "integer", bool: "boolean", str: "category", datetime: "timestamp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a request, by column. Times among the features are seconds since 1970."""

    columns: Mapping[str, Sequence[Any]]
    keys: Sequence[str | None]
    times: Sequence[datetime | None]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field, such as `rows[0].distance`."""

    field: str
    message: str


class BadRequest(Exception):
    """The request cannot be answered; nothing is wrong with the service."""

    def __init__(self, status: int, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.message}" if p.field else p.message
                                   for p in problems))  # fmt: skip
        self.status = status
        self.problems = problems


class RowReader:
    """Reads requests of one service: `{"rows": [row, …]}`, or one row by itself."""

    def __init__(self, row: type[BaseModel], max_rows: int) -> None:
        """`row`: its fields are features by alias or name, but for `row_key` and `row_time`."""
        self.row = row
        rows: Any = (list[row], Field(min_length=1, max_length=max_rows))  # type: ignore[valid-type]
        config = row.model_config.copy()
        config.pop("title", None)
        self.request = create_model(f"{row.__name__}s", __config__=config, rows=rows)
        self._features = {
            name: field.alias or name
            for name, field in row.model_fields.items()
            if name not in (KEY_FIELD, TIME_FIELD)
        }
        self.columns = {
            column: _declared(row.model_fields[name].annotation)
            for name, column in self._features.items()
        }
        self._times = tuple(c for c, declared in self.columns.items() if declared == "timestamp")

    def read(self, body: bytes) -> Rows:
        """The rows of a request. `BadRequest` names each field that is wrong."""
        many = _MANY.match(body) is not None
        try:
            if many:
                return self._rows([r.__dict__ for r in self.request.model_validate_json(body).rows])  # type: ignore[attr-defined]
            return self._rows([self.row.model_validate_json(body).__dict__])
        except ValidationError as error:
            raise _bad(error) from None

    def _rows(self, found: list[dict[str, Any]]) -> Rows:
        columns = {column: [row[name] for row in found] for name, column in self._features.items()}
        for column in self._times:
            columns[column] = [None if t is None else _utc(t).timestamp() for t in columns[column]]
        keys = [row.get(KEY_FIELD) for row in found]
        times = [row.get(TIME_FIELD) for row in found]
        return Rows(
            columns,
            [None if key is None else str(key) for key in keys],
            [None if time is None else _utc(time) for time in times],
        )


def _utc(time: datetime) -> datetime:
    """Times without a zone are in UTC, as in a Dataset."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _declared(annotation: Any) -> str:
    """The type of a column in the words of a Dataset, from the type of its field."""
    inner = [part for part in get_args(annotation) if part is not type(None)]
    if not inner:
        return _DECLARED[annotation]
    if isinstance(inner[0], type):
        return _DECLARED[inner[0]]
    return "category" if isinstance(inner[0], str) else _declared(inner[0])


def _bad(error: ValidationError) -> BadRequest:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    status = next((_STATUS[each["type"]] for each in found if each["type"] in _STATUS), 422)
    return BadRequest(
        status, tuple(Problem(_path(each["loc"]), each["msg"]) for each in found[:_SHOWN])
    )


def _path(location: tuple[int | str, ...]) -> str:
    """`("rows", 0, "distance")` → `rows[0].distance`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")
