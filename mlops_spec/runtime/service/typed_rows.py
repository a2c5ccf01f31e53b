"""From the bytes of a request to rows, by the pydantic model of a row."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, NoReturn, get_args

import numpy as np
import orjson
from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic_core import ErrorDetails, from_json, to_json

from mlops_spec.runtime.portable.encoding import Matrix
from mlops_spec.runtime.service.compiled_rows import Values, compiled_rows, utc
from mlops_spec.runtime.service.number_columns import NumberColumns
from mlops_spec.runtime.service.refusing import (
    UNKNOWN,
    BadRequest,
    Location,
    few_keys,
    refused,
    where_of,
)
from mlops_spec.runtime.service.rows import Columns, Rows

KEY_FIELD: Final = "row_key"
TIME_FIELD: Final = "row_time"
# A request for many rows has one key, so it is the first; one row cannot hold a list.
_MANY: Final = re.compile(rb'\s*\{\s*"rows"\s*:\s*\[')
PACKED_FROM: Final = 8  # rows
_DECLARED: Final = {
    float: "float", int: "integer", bool: "boolean", str: "category", datetime: "timestamp",
}  # fmt: skip


class RowReader:
    """Reads requests of one service: `{"rows": [row, …]}`, or one row by itself."""

    def __init__(self, row: type[BaseModel], max_rows: int) -> None:
        """`row`: its fields are features by alias or name, but for `row_key` and `row_time`.

        `fields` are all of them by the names that requests have for them.
        """
        self.row = row
        rows: Any = (list[row], Field(min_length=1, max_length=max_rows))  # type: ignore[valid-type]
        config = row.model_config.copy()
        config.pop("title", None)
        self.request = create_model(f"{row.__name__}s", __config__=config, rows=rows)
        fields = {name: field.alias or name for name, field in row.model_fields.items()}
        self.fields = {fields[name]: field for name, field in row.model_fields.items()}
        features = [name for name in fields if name not in (KEY_FIELD, TIME_FIELD)]
        self.columns = {
            fields[name]: _declared(row.model_fields[name].annotation) for name in features
        }
        self._fields = tuple(fields)
        self._max_rows = max_rows
        self._compiled = compiled_rows(row, max_rows)
        self._shape = _Shape.of(self._fields, self.columns)
        features_of = {fields[name]: row.model_fields[name] for name in features}
        numbers = self._shape.numbers
        self._numbers = NumberColumns.of(features_of, max_rows) if numbers else None

    def read(self, body: bytes) -> Rows:
        """The rows of a request. `BadRequest` names each field that is wrong."""
        many = _MANY.match(body) is not None
        try:
            return self._shape.rows(self._compiled.many(body) if many else self._compiled.one(body))
        # Not in order, or in an order that only pydantic knows. It says what is wrong.
        except ValueError:
            return self._checked(body, many)

    def read_columns(self, columns: Columns) -> Rows | None:
        """The rows of columns of one length. None where `read` has to look at each value."""
        return None if self._numbers is None else self._numbers.rows(columns)

    def _checked(self, body: bytes, many: bool) -> Rows:
        try:
            found = self._validated(body, many)
        except ValidationError as error:
            rows = self._max_rows + 1 if many else 1
            if error.error_count() > rows * (len(self.fields) + 1 + UNKNOWN):
                # A dict for each of a million unknown keys would take a gigabyte.
                self._refuse(few_keys(body, many, self.fields), many, error.error_count())
            errors = error.errors(include_url=False)
            found = self._with_whole_numbers(body, many, errors)
        return self._shape.rows([tuple(map(row.__dict__.get, self._fields)) for row in found])

    def _with_whole_numbers(
        self, body: bytes, many: bool, errors: Sequence[ErrorDetails]
    ) -> list[BaseModel]:
        """The rows where all `errors` are about `5.0` for an integer. `BadRequest` otherwise.

        It is an integer to JSON Schema, and what pandas writes of a column with gaps.
        """
        floats = {
            where_of(each["loc"]): each["input"]
            for each in errors
            if each["type"] == "int_type" and _is_whole(each["input"])
        }
        if floats:
            only = len(floats) == len(errors) or all(where_of(e["loc"]) in floats for e in errors)
            try:
                return self._validated(_replaced(body, floats, only), many)
            except ValidationError as error:
                errors = error.errors(include_url=False)
        raise refused(errors, self.fields, body, many) from None

    def _refuse(self, body: bytes, many: bool, count: int) -> NoReturn:
        """Tell of so many mistakes by a part of the request that has all kinds of them."""
        try:
            self._validated(body, many)
        except ValidationError as error:
            found = refused(error.errors(include_url=False), self.fields, body, many)
        raise BadRequest(found.status, found.problems, count - len(found.problems)) from None

    def _validated(self, body: bytes, many: bool) -> list[BaseModel]:
        if many:
            rows: list[BaseModel] = self.request.model_validate_json(body).rows  # type: ignore[attr-defined]
            return rows
        return [self.row.model_validate_json(body)]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where in the values of a model the features are, and the other two."""

    names: tuple[str, ...]
    features: Callable[[Values], Values]
    moments: tuple[int, ...]  # times among the features
    numbers: bool  # whether all features are floats
    key: int | None
    time: int | None

    @classmethod
    def of(cls, fields: tuple[str, ...], columns: Mapping[str, str]) -> _Shape:
        # The rendered model has them last; a slice costs less than picking each.
        own = [place for place, name in enumerate(fields) if name in (KEY_FIELD, TIME_FIELD)]
        places = [place for place in range(len(fields)) if place not in own]
        return cls(
            tuple(columns),
            _picked(places, len(fields)),
            tuple(at for at, declared in enumerate(columns.values()) if declared == "timestamp"),
            set(columns.values()) == {"float"},
            fields.index(KEY_FIELD) if KEY_FIELD in fields else None,
            fields.index(TIME_FIELD) if TIME_FIELD in fields else None,
        )

    def rows(self, found: list[Values]) -> Rows:
        keys: list[Any] = [None] * len(found)
        times = list(keys)
        if self.key is not None:
            keys = [None if (key := row[self.key]) is None else str(key) for row in found]
        if self.time is not None:
            times = [None if (time := row[self.time]) is None else utc(time) for row in found]
        values = [self.features(row) for row in found]
        if self.numbers:
            # At once, None becomes NaN: a thousand objects a request, kept until they are logged,
            # would push the model out of the processor's cache.
            return Rows(self.names, _matrix(values), keys, times)
        if self.moments:
            values = [self._seconds(row) for row in values]
        return Rows(self.names, values, keys, times)

    def _seconds(self, row: Values) -> Values:
        found = list(row)
        for at in self.moments:
            found[at] = None if row[at] is None else utc(row[at]).timestamp()
        return tuple(found)


def _matrix(values: list[Values]) -> Matrix:
    """Floats and None, which becomes NaN. Many rows in two fifths of the time that numpy takes."""
    if len(values) >= PACKED_FROM:
        width = len(values[0])
        pack = struct.Struct(f"{width}d").pack
        try:
            packed = bytearray(b"".join([pack(*row) for row in values]))
        except struct.error:
            return np.array(values, np.float64)
        return np.frombuffer(packed).reshape(-1, width)
    return np.array(values, np.float64)


def _picked(places: list[int], width: int) -> Callable[[Values], Values]:
    if places == list(range(width)):
        return lambda row: row
    if places == list(range(len(places))):
        return itemgetter(slice(len(places)))
    return lambda row: tuple(row[place] for place in places)


def _declared(annotation: Any) -> str:
    """The type of a column in the words of a Dataset, from the type of its field."""
    inner = [part for part in get_args(annotation) if part is not type(None)]
    if not inner:
        return _DECLARED[annotation]
    if isinstance(inner[0], type):
        return _DECLARED[inner[0]]
    return "category" if isinstance(inner[0], str) else _declared(inner[0])


def _replaced(body: bytes, floats: Mapping[Location, float], only: bool) -> bytes:
    """The request with integers in the places of `floats`.

    `only`: nothing else is wrong. What is refused anyway keeps its numbers as they came, which the
    faster of the two readers does not.
    """
    try:
        request: Any = orjson.loads(body) if only else from_json(body)
    except ValueError:  # it has stricter rules for the numbers of other fields
        request, only = from_json(body), False
    for (*row, field), value in floats.items():
        holder = request["rows"][row[1]] if row else request  # one of many, or a row by itself
        if holder.get(field) == value:
            holder[field] = int(value)
    return orjson.dumps(request) if only else to_json(request, inf_nan_mode="constants")


def _is_whole(value: object) -> bool:
    # Beyond, a double stands for several whole numbers.
    return isinstance(value, float) and value.is_integer() and abs(value) <= 2**53
