"""An estimator of scikit-learn, as `spec explain` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlops_spec.link.estimators import Estimator, known_version

_ROLES: Final = {
    "classifier": "a classifier",
    "regressor": "a regressor",
    "inner": "what the estimator inside of it is",
    "other": "neither a classifier nor a regressor",
}


def lines(one: Estimator) -> Iterator[str]:
    """What it is, then a line a parameter: what it takes."""
    yield f"{one.path}: {_ROLES[one.role]} (scikit-learn {known_version()})"
    width = max(map(len, one.params), default=0)
    for name, takes in one.params.items():
        required = " (required)" if name in one.needs else ""
        yield f"  {name:<{width}}  {takes.words() if takes else 'anything'}{required}"
