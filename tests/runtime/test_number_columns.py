"""Columns that are taken at once are taken as the same rows in JSON are, or left to it."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from mlops_spec.runtime.service.open_inference import Tensor, decoded, rows_of
from mlops_spec.runtime.service.refusing import BadRequest
from mlops_spec.runtime.service.typed_rows import RowReader


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    plain: float
    bounded: Annotated[float, Field(ge=-1, le=10)]
    gaps: Annotated[float, Field(ge=0)] | None = Field(default=None, alias="με κενά")
    row_key: str | int | None = None


READER = RowReader(Row, 5)
NAMES = ("plain", "bounded", "με κενά")


def asked(*columns: Any, names: tuple[str, ...] = NAMES) -> Any:
    """What the service reads of these columns: the matrix, or its refusal."""
    tensors = [
        Tensor(name, "FP64", (len(values),), values)
        for name, values in zip(names, columns, strict=True)
    ]
    try:
        return np.asarray(rows_of(READER, tensors).values).tolist()
    except BadRequest as refused:
        return refused.status, refused.problems


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def as_json(*columns: Any) -> Any:
    """The same by way of JSON, value by value."""
    listed = [np.asarray(values, dtype=object).tolist() for values in columns]
    rows = [dict(zip(NAMES, map(_plain, row), strict=True)) for row in zip(*listed, strict=True)]
    try:
        return np.asarray(READER.read(orjson.dumps({"rows": rows})).values).tolist()
    except BadRequest as refused:
        return refused.status, refused.problems


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # NaN too


numbers = st.one_of(st.floats(allow_infinity=False), st.integers(-20, 20), st.just(math.nan))
columns = st.integers(1, 7).flatmap(
    lambda n: st.tuples(*[st.lists(numbers, min_size=n, max_size=n)] * 3)
)


@settings(max_examples=300, deadline=None)
@given(columns)
def test_lists_are_read_as_json_is(found: tuple[list[float], ...]) -> None:
    assert same(asked(*found), as_json(*found))


@settings(max_examples=300, deadline=None)
@given(columns, st.sampled_from(["<f8", "<f4", "<f2", "<i4", "<u1", "?"]))
def test_arrays_are_read_as_json_is(found: tuple[list[float], ...], kind: str) -> None:
    with np.errstate(all="ignore"):
        arrays = [np.nan_to_num(values, nan=3).astype(kind) for values in found]
    if all(np.isfinite(array).all() for array in arrays):
        assert same(asked(*arrays), as_json(*arrays))


@pytest.mark.parametrize(
    "values",
    [[True], ["1.5"], [None], [10**400], [2**60], [[1.0]], [math.inf], [-math.inf], [1e308], []],
)
def test_what_is_no_number_is_never_taken_for_one(values: list[Any]) -> None:
    found = READER.read_columns({"plain": values, "bounded": [1.0], "με κενά": [1.0]})
    taken = values in ([2**60], [1e308])
    assert (found is not None) == taken


def test_missing_values_are_taken_where_they_may_be_missing() -> None:
    nothing = [math.nan]
    assert same(asked([1.0], [2.0], nothing), [[1.0, 2.0, math.nan]])
    status, (problem,) = asked(nothing, [2.0], nothing)
    assert (status, problem.field) == (422, "rows[0].plain")


def test_other_columns_are_left_to_the_reader() -> None:
    status, problems = asked([1.0], [2.0], names=("plain", "other"))
    assert (status, sorted(each.field for each in problems)) == (
        422, ["rows[0].bounded", "rows[0].other"],
    )  # fmt: skip
    assert asked([1.0], [2.0], names=("plain", "bounded")) != []
    assert asked([1.0], [2.0], ["a"], names=("plain", "bounded", "row_key"))[0][:2] == [1.0, 2.0]


def test_bytes_become_an_array_without_a_copy() -> None:
    raw = np.array([1.5, math.nan]).tobytes()
    found = decoded("plain", "FP64", raw)
    assert isinstance(found, np.ndarray)
    assert same(found.tolist(), [1.5, math.nan])
    assert not found.flags.owndata


def test_a_service_with_other_features_has_no_such_way() -> None:
    class Mixed(BaseModel):
        number: float
        word: str

    columns = {"number": [1.0], "word": ["a"]}
    assert RowReader(Mixed, 5).read_columns(columns) is None


@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False), st.floats(-1, 10),
            st.none() | st.floats(0, allow_infinity=False),
        ),
        min_size=1, max_size=40,
    )
)  # fmt: skip
@settings(deadline=None)
def test_rows_of_any_number_become_their_matrix_bit_by_bit(rows: list[tuple[Any, ...]]) -> None:
    asked = [dict(zip(NAMES, row, strict=True)) for row in rows]
    found = RowReader(Row, 40).read(orjson.dumps({"rows": asked})).values
    assert isinstance(found, np.ndarray)
    assert found.tobytes() == np.array(rows, np.float64).tobytes()
