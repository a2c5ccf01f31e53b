"""Many rows at once are encoded as each of them alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_spec.runtime.portable.encoding import BY_COLUMN, Encoding, NumberTable, ValueTable

ENCODING = Encoding(
    (0.0, 0.5, 0.0, 0.0, -1.0),
    (
        NumberTable("distance", (0, 4), (0.1, 1.0), (-3.0, 0.0), (7.0, math.nan)),
        ValueTable(
            "carrier",
            "category",
            {"AA": ((1, 1.0),), "UA": ((2, 1.0),)},
            unknown=((3, 1.0),),
            missing=(),
        ),
    ),
)
VALUES = {
    "distance": [None, 1, 2.5, math.nan, 10**17 + 1, math.inf, -0.0],
    "carrier": ["AA", "UA", "a new one", None, math.nan, "", "UA"],
}


def test_a_batch_is_encoded_like_each_of_its_rows_alone() -> None:
    many = {name: values * BY_COLUMN for name, values in VALUES.items()}

    alone = [
        ENCODING.matrix({name: [values[i]] for name, values in many.items()})
        for i in range(len(many["carrier"]))
    ]

    np.testing.assert_array_equal(ENCODING.matrix(many), np.concatenate(alone))


@pytest.mark.parametrize("rows", [1, BY_COLUMN])
def test_columns_of_unequal_length_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match=r"zip\(\)|broadcast|shape mismatch"):
        ENCODING.matrix({"distance": [1.0] * rows, "carrier": ["AA"] * (rows + 1)})
