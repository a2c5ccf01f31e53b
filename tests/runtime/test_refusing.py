"""Whoever sends a bad request is told where, what was found, what is expected, and what to do."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model

from mlops_spec.runtime.service.refusing import SHOWN, BadRequest
from mlops_spec.runtime.service.row_types import Integer, Key, Time
from mlops_spec.runtime.service.typed_rows import RowReader

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Row(BaseModel):
    model_config = STRICT

    distance: float = Field(ge=0, le=6000)
    stops: int = Field(ge=-(2**53), le=9)
    weight: float | None = None
    carrier: Literal["AA", "UA", "é"] | None = Field(default=None)
    late: bool | None = Field(default=None)
    town: str | None = Field(default=None, alias="πόλη")
    flown: Time | None = Field(default=None)
    row_key: str | Key | None = Field(default=None, alias="id")


READER = RowReader(Row, 100)
GOOD: dict[str, Any] = {"distance": 1.5, "stops": 2}
SHAPE = '{"rows": [{…}, …]} or one row is expected, as /openapi.json describes it'


def refused(body: Any, reader: RowReader = READER) -> BadRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(BadRequest) as found:
        reader.read(content)
    return found.value


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("distance", -1, "found -1 (integer), expected a number from 0 to 6000"),
        ("distance", "7", "found '7' (text), expected a number from 0 to 6000; "
                          "send the number without quotes"),
        ("distance", None, "found null, expected a number from 0 to 6000; "
                           "no value of this column may be missing"),
        ("distance", float("nan"), "found NaN, expected a number from 0 to 6000; "
                                   "no value of this column may be missing"),
        ("weight", float("nan"), "found NaN, expected a number or null; a missing value is null"),
        ("weight", True, "found true, expected a number or null"),
        ("weight", 10**310, "found 1000000000… (integer of 311 digits), expected a number or null; "
                            "there are no numbers beyond 1.8e308"),
        ("stops", 2.5, "found 2.5 (number), expected an integer from -9007199254740992 to 9"),
        ("stops", 12.0, "found 12 (integer), expected an integer from -9007199254740992 to 9"),
        ("stops", [1], "found a list of 1, expected an integer from -9007199254740992 to 9"),
        ("stops", {"a": 1}, "found an object of 1 key, expected an integer from "
                            "-9007199254740992 to 9"),
        ("carrier", "aa", "found 'aa' (text), expected one of 'AA', 'UA', 'é' or null; "
                          "did you mean 'AA'?"),
        ("carrier", 5, "found 5 (integer), expected one of 'AA', 'UA', 'é' or null"),
        ("late", "True", "found 'True' (text), expected true or false or null; "
                         "send true without quotes"),
        ("πόλη", 5, "found 5 (integer), expected text or null; send it as text, in quotes"),
        ("flown", "noon", "found 'noon' (text), expected a time such as '2024-01-31T12:00:00Z' "
                          "or null"),
        ("flown", "20240131", "found '20240131' (text), expected a time such as "
                              "'2024-01-31T12:00:00Z' or null"),
        ("flown", 20240131, "found 20240131 (integer), expected a time such as "
                            "'2024-01-31T12:00:00Z' or null"),
        ("id", 2**63, "found 9223372036854775808 (integer), expected text or an integer of 64 bits "
                      "or null; send it as text, in quotes"),
        ("id", [], "found an empty list, expected text or an integer of 64 bits or null"),
    ],
)  # fmt: skip
def test_a_value_is_told_with_what_is_expected(column: str, value: Any, says: str) -> None:
    for body, place in (
        ({**GOOD, column: value}, column),
        ({"rows": [GOOD, {**GOOD, column: value}]}, f"rows[1].{column}"),
    ):
        found = refused(body)
        assert (found.status, [(p.field, p.message) for p in found.problems]) == (
            422, [(place, says)],
        )  # fmt: skip


def test_unknown_and_missing_columns_are_told_with_what_may_be_meant() -> None:
    found = refused({"distanse": 1, "stops": 2, "colour": 1})
    assert [(p.field, p.message) for p in found.problems] == [
        ("distance", "is missing; expected a number from 0 to 6000; "
                     "the request has 'distanse' instead"),
        ("distanse", "there is no such column; did you mean 'distance'?"),
        ("colour", "there is no such column; there are 'distance', 'stops', 'weight', 'carrier', "
                   "'late', 'πόλη', 'flown', 'id'"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, f"the body is empty; {SHAPE}"),
        (b'{"distance":1,\n "stops":}', 400,
         "the body is no JSON: expected value at line 2 column 10 near ' \"stops\":}'; " + SHAPE),
        (b"[1]", 422, f"found a list of 1; {SHAPE}"),
        ({"rows": []}, 422, "rows: found an empty list, expected a list of rows, one at least"),
        ({"rows": [GOOD] * 101}, 413,
         "rows: found 101 rows, expected 100 at most; send fewer at a time"),
        ({"rows": {}}, 422, f"rows: found an empty object in the place of a column; {SHAPE}"),
        ({"instances": [GOOD]}, 422,
         f"instances: found a list of 1 in the place of a column; {SHAPE}"),
        ({"rows": [5]}, 422,
         "rows[0]: found 5 (integer), expected an object with a key for each column"),
        ({"rows": [GOOD], "id": 1}, 422,
         "id: a request for several rows has no other key than 'rows'; leave this one out"),
    ],
)  # fmt: skip
def test_a_request_of_another_form_is_told_the_form(body: Any, status: int, says: str) -> None:
    found = refused(body)
    assert (found.status, str(found)) == (status, says)


def test_what_is_wrong_with_the_code_of_a_client_is_told_once_for_all_rows() -> None:
    found = refused({"rows": [GOOD, *[{"distance": 1.0, "stop": 1}] * 90]})
    assert [(p.field, p.message) for p in found.problems] == [
        ("rows[1].stops", "is missing; expected an integer from -9007199254740992 to 9; "
                          "the request has 'stop' instead (so in 90 rows)"),
        ("rows[1].stop", "there is no such column; did you mean 'stops'? (so in 90 rows)"),
    ]  # fmt: skip
    assert found.more == 0


def test_many_mistakes_of_one_kind_do_not_hide_the_others() -> None:
    rows = [{**GOOD, "distance": -1.0} for _ in range(90)]
    rows[80]["late"] = "no"
    found = refused({"rows": rows})
    places = [problem.field for problem in found.problems]
    assert places == [f"rows[{n}].distance" for n in range(SHOWN - 1)] + ["rows[80].late"]
    assert (found.more, str(found).endswith("; and 71 more")) == (71, True)


def test_names_and_values_are_told_as_far_as_they_help() -> None:
    found = refused({**GOOD, "town": "\x1b[2J" + "ü" * 10_000, "x\n" * 5_000: "y" * 10**6})
    assert all(len(p.field) <= 41 and len(p.message) < 200 for p in found.problems)
    said = str(found)
    assert ("\x1b" not in said, "\n" not in said) == (True, True)


def test_suggestions_are_looked_for_among_so_many_names() -> None:
    fields: dict[str, Any] = {f"a_long_column_number_{n}": (float, 0.0) for n in range(900)}
    reader = RowReader(create_model("Wide", __config__=STRICT, **fields), 10)
    body = json.dumps({f"a_long_column_numbr_{n}": 1.0 for n in range(5_000)}).encode()
    found = refused(body, reader)
    assert sum("did you mean" in problem.message for problem in found.problems) == 1
    assert (len(found.problems), found.more) == (SHOWN, 5_000 - SHOWN)
    assert len(str(found)) < 20_000


@pytest.mark.parametrize("rows", [[{}] * 3, [GOOD] * 3, [5], 5])
def test_thousands_of_unknown_keys_are_told_by_a_few(rows: Any) -> None:
    excess = {f"k{n}": 1 for n in range(2_500)}
    more = [row | excess if isinstance(row, dict) else row for row in rows] if rows != 5 else []
    text = json.dumps({"rows": more} | excess)[:-1] + (', "rows": 5}' if rows == 5 else "}")
    found = refused(text.encode())
    assert (found.status, len(found.problems)) == (422, SHOWN)
    assert found.more >= 2_500 - SHOWN
    whole = refused({"rows": [{"distance": 7e9, "late": 5} | excess] * 3})
    assert [p.field for p in whole.problems if "found" in p.message] == [
        "rows[0].distance", "rows[0].late", "rows[1].distance", "rows[1].late",
        "rows[2].distance", "rows[2].late",
    ]  # fmt: skip


EDGES = st.sampled_from(
    [2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**53) - 1, -(2**63), -(2**63) - 1, 10**21,
     10**22 + 1, 10**400]
)  # fmt: skip
INTEGERS = EDGES | st.integers(-(2**66), 2**66) | st.integers(-(10**30), 10**30)


class Whole(BaseModel):
    model_config = STRICT

    number: float
    count: Integer
    bounded: int | None = Field(default=None, ge=0, le=2**53)
    row_key: str | Key | None = Field(default=None, alias="id")


WHOLE = RowReader(Whole, 3)


@settings(max_examples=400, deadline=None)
@given(INTEGERS, st.booleans(), st.sampled_from(["1", "1.0"]))
def test_a_key_is_what_it_was_or_is_refused(key: int, many: bool, count: str) -> None:
    row = f'{{"number": 1.5, "count": {count}, "id": {key}}}'
    body = (f'{{"rows": [{row}]}}' if many else row).encode()
    place = "rows[0].id" if many else "id"
    if -(2**63) <= key < 2**63:
        assert WHOLE.read(body).keys == [str(key)]
        return
    found = refused(body, WHOLE)
    assert [problem.field for problem in found.problems] == [place]
    assert found.problems[0].message.endswith(
        "expected text or an integer of 64 bits or null; send it as text, in quotes"
    )
    as_text = body.replace(str(key).encode(), b'"%d"' % key)
    assert WHOLE.read(as_text).keys == [str(key)]


@settings(max_examples=400, deadline=None)
@given(INTEGERS, st.sampled_from(["count", "bounded"]))
def test_an_integer_of_a_column_is_exact_or_refused(value: int, column: str) -> None:
    row = {"number": 1.5, "count": 1, column: value}
    least = 0 if column == "bounded" else -(2**53)
    if least <= value <= 2**53:
        names, values = WHOLE.read(json.dumps(row).encode())[:2]
        assert dict(zip(names, values[0], strict=True))[column] == value
    else:
        found = refused(row, WHOLE)
        assert (found.status, [p.field for p in found.problems]) == (422, [column])


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b'{"number": -0.0, "count": -0}', "(-0.0, 0, None)"),
        (b'{"number": 1e-400, "count": -0.0}', "(0.0, 0, None)"),
        (b'{"number": 9007199254740993, "count": 1e3}', "(9007199254740992.0, 1000, None)"),
        # As in every reader of JSON here: the last of two equal keys counts.
        (b'{"number": "x", "number": 2, "count": 1, "count": 3.0}', "(2.0, 3, None)"),
    ],
)
def test_numbers_at_the_edges_are_read_in_one_way(body: bytes, values: str) -> None:
    assert repr(WHOLE.read(body).values[0]) == values


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (b"1e400", "found infinity (a number beyond 1.8e308), expected a number"),
        (b"-1e400", "found -infinity (a number beyond 1.8e308), expected a number"),
        (b"Infinity", "found infinity (a number beyond 1.8e308), expected a number"),
        (b"NaN", "found NaN, expected a number; no value of this column may be missing"),
    ],
)
def test_numbers_that_are_none_are_refused(written: bytes, says: str) -> None:
    found = refused(b'{"count": 5.0, "number": ' + written + b"}", WHOLE)
    assert [(p.field, p.message) for p in found.problems] == [("number", says)]


def test_the_last_of_two_equal_keys_is_the_one_that_is_refused() -> None:
    found = refused(b'{"number": 1, "count": 1, "count": "x"}', WHOLE)
    assert [problem.field for problem in found.problems] == ["count"]


@pytest.mark.parametrize("many", [True, False])
def test_a_whole_number_may_be_written_as_a_float_for_a_key_too(many: bool) -> None:
    rows = [{"number": 1.5, "count": 2.0, "id": 7.0}, {"number": 1.5, "count": 2, "id": -0.0}]
    body: Any = {"rows": rows} if many else rows[0]
    assert WHOLE.read(json.dumps(body).encode()).keys == (["7", "0"] if many else ["7"])
    found = refused({"rows": [*rows, {"number": 1.5, "count": 2.0, "id": 7.5}]}, WHOLE)
    assert [problem.field for problem in found.problems] == ["rows[2].id"]
