"""What is read and encoded by a plan is what pydantic and the tables make of it."""

from __future__ import annotations

import json
import math
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from mlops_spec.runtime.portable.encoding import Encoding, NumberTable, ValueTable
from mlops_spec.runtime.portable.scorer import MatrixScorer
from mlops_spec.runtime.service.refusing import BadRequest
from mlops_spec.runtime.service.row_matrix import row_matrix
from mlops_spec.runtime.service.row_types import Integer, Key, Time
from mlops_spec.runtime.service.typed_rows import RowReader


class Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    distance: float = Field(ge=0, le=6000)
    stops: Integer
    seats: Integer | None = Field(default=None, ge=1.0, le=300, alias="no. of seats")
    carrier: Literal["AA", "UA", "é"] | None = Field(default=None)
    late: bool | None = Field(default=None)
    flown: Time | None = Field(default=None)
    row_key: str | Key | None = Field(default=None, alias="id")
    row_time: Time | None = Field(default=None, alias="at")


READER = RowReader(Row, 3)
GOOD: dict[str, Any] = {"distance": 1.5, "stops": 2}
TIMES = (
    "2013-06-01T12:00:00Z", "2013-06-01T12:00:00", "2013-06-01 12:00:00+05:30", "2013-06-01",
    "2013-06-01T12:00:00.1234567Z", "2013-06-01T12:00:00.9999999Z", "2013-06-01T24:00:00Z",
    "2013-06-01T12:00:00.5", "2013-06-01t12:00:00z", "20130601T120000Z", "2013-06-30T23:59:60Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2013-06-01T12:00:00+24:00",
    "2013-06-01T12:00Z", "2013-06-01T12:00:00-00:00", "٢013-06-01T12:00:00Z", "1.5", "",
)  # fmt: skip
RAW = (
    b"1", b"1.0", b"-0", b"-0.0", b"1e3", b"1e-400", b"1e400", b"NaN", b"Infinity", b"01", b".5",
    b"1.", b"true", b"null", b'"1"', b'"AA"', b'"\\u0041A"', b'"\xc3\xa9"', b'"\xff"', b'"a\x01"',
    b'"\\ud800"', b'"\\u0000"', b"[]", b"{}", b"9007199254740992", b"9007199254740993",
    b"9" * 25, b"9" * 400, b"9" * 5000, b"300", b"301", b"0",
    *(json.dumps(time, ensure_ascii=False).encode() for time in TIMES),
)  # fmt: skip
FIELDS = ("distance", "stops", "no. of seats", "carrier", "late", "flown", "id", "at", "seats")


def outcome(read: Any) -> Any:
    try:
        rows = read()
    except BadRequest as refused:
        return refused.status, refused.problems
    return rows.values, rows.keys, rows.times


def agrees(body: bytes) -> Any:
    """The outcome of reading, which is pydantic's own."""
    many = body.lstrip().startswith(b'{"rows"')
    found = outcome(lambda: READER.read(body))
    assert found == outcome(lambda: READER._checked(body, many)), body
    return found


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("raw", RAW)
def test_every_form_of_a_value_is_read_or_refused_as_by_pydantic(field: str, raw: bytes) -> None:
    members = [b'"%s": %s' % (k.encode(), str(v).encode()) for k, v in GOOD.items() if k != field]
    row = b"{%s}" % b", ".join([*members, b'"%s": %s' % (field.encode(), raw)])
    agrees(row)
    agrees(b'{"rows": [%s, {"distance": 1, "stops": 1}]}' % row)


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows": []}', b'{"rows": [{"distance": 1, "stops": 1}]} x', b'{"rows": [1]}',
        b'{"rows": [{"distance": 1, "stops": 1}], "more": 1}', b'\xef\xbb\xbf{"distance": 1}',
        b'{"distance": 1, "stops": 1, "stops": 2}', b'{"distance": 1, "stops": 1, "stops": "x"}',
        b'{"distance": 1, "stops": "x", "stops": 1}', b'{"distance": 1, "stops": 1,}', b"",
        b'{"rows": [' + b",".join([b'{"distance": 1, "stops": 1}'] * 4) + b"]}",
    ],
)  # fmt: skip
def test_bodies_of_other_forms_are_read_or_refused_as_by_pydantic(body: bytes) -> None:
    agrees(body)


def test_what_is_in_order_is_read_without_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"rows": [{"distance": 1, "stops": 1, "id": 7, "at": "2013-06-01T12:00:00Z"}]}'
    wanted = agrees(body)
    monkeypatch.setattr(RowReader, "_checked", None)
    assert outcome(lambda: READER.read(body)) == wanted


NUMBERS = st.floats(-1e6, 1e6) | st.none() | st.integers(-(2**53), 2**53)
SCALES = st.sampled_from([1.0, 1.0, 0.25, -3.0, math.nan])


@st.composite
def encodings(draw: Any) -> tuple[Encoding, list[tuple[Any, ...]]]:
    """Tables for some columns, and rows of values for them."""
    kinds = draw(st.lists(st.sampled_from(["number", "number", "category", "boolean"]), min_size=1))
    tables: list[NumberTable | ValueTable] = []
    width, values = 0, []
    for number, kind in enumerate(kinds):
        cells = draw(st.integers(1, 2))
        at = tuple(range(width, width + cells))
        width += cells
        floats = st.tuples(*[SCALES] * cells)
        if kind == "number":
            tables.append(NumberTable(f"c{number}", at, *(draw(floats) for _ in range(3))))
            values.append(NUMBERS)
            continue
        known: list[Any] = ["a", "b"] if kind == "category" else [True, False]
        made = [tuple(zip(at, draw(floats), strict=True)) for _ in range(4)]
        tables.append(
            ValueTable(f"c{number}", kind, dict(zip(known, made, strict=False)), *made[2:])
        )
        values.append(st.sampled_from([*known, None, "z"]))
    order = draw(st.permutations(tables))
    rows = draw(st.lists(st.tuples(*values), min_size=1, max_size=3))
    return Encoding(tuple(draw(st.tuples(*[SCALES] * width))), tuple(order)), rows


@settings(deadline=None)
@given(encodings())
@example((Encoding((0.0,), (NumberTable("c0", (0,), (1.0,), (0.0,), (7.0,)),)), [(None,), (2,)]))
def test_a_plan_encodes_rows_as_their_tables_do(
    found: tuple[Encoding, list[tuple[Any, ...]]],
) -> None:
    encoding, rows = found
    names = [f"c{number}" for number in range(len(rows[0]))]
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    wanted = encoding.matrix(columns)
    assert np.array_equal(row_matrix(encoding, names)(rows), wanted, equal_nan=True)
    if all(isinstance(table, NumberTable) for table in encoding.columns):
        given = np.array(rows, dtype=np.float64)
        kept = given.copy()
        assert np.array_equal(row_matrix(encoding, names)(given), wanted, equal_nan=True)
        assert np.array_equal(given, kept, equal_nan=True)  # it is logged afterwards


def test_a_portable_model_scores_rows_that_are_encoded_already() -> None:
    """A service looks for this by its name, and would be slower without it in silence."""
    assert callable(MatrixScorer.score_matrix)


@pytest.mark.parametrize(
    ("written", "found"),
    [(b"5.0", 5), (b"1e3", 1000), (b"-0.0", 0), (b"9007199254740992.0", 2**53)],
)
def test_a_whole_number_may_be_written_as_a_float(written: bytes, found: int) -> None:
    rows = READER.read(b'{"distance": 1.5, "stops": ' + written + b"}")
    assert (rows.values[0][1], type(rows.values[0][1])) == (found, int)


@pytest.mark.parametrize("written", [b"5.5", b"1e300", b'"5"', b"true"])
def test_what_is_no_whole_number_is_refused(written: bytes) -> None:
    with pytest.raises(BadRequest, match="stops"):
        READER.read(b'{"distance": 1.5, "stops": ' + written + b"}")
