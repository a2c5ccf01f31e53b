"""The rows of a request, once they have been read and found in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_spec.runtime.portable.encoding import Matrix
from mlops_spec.runtime.service.compiled_rows import Values

Columns = Mapping[str, Sequence[Any] | NDArray[Any]]
# A tuple a row; or a matrix where all features are floats, with NaN for what is missing.
Many = Sequence[Values] | Matrix


class Rows(NamedTuple):
    """The rows of a request. Times among the features are seconds since 1970."""

    names: tuple[str, ...]  # of the features
    values: Many  # of the features
    keys: Sequence[str | None]
    times: Sequence[datetime | None]

    @property
    def number(self) -> int:
        return len(self.values)

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The features by column."""
        if isinstance(self.values, np.ndarray):
            return dict(zip(self.names, self.values.T, strict=True))
        return dict(zip(self.names, zip(*self.values, strict=True), strict=True))


def joined(parts: Sequence[Many]) -> Many:
    """The rows of several requests of one service."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return list(chain.from_iterable(parts))
