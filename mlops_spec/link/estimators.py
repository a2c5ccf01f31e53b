"""scikit-learn's estimators with their parameters, told without importing it.

`estimators.json` is written from the scikit-learn that is locked (tests/golden/estimator_table.py);
docs/adr/0072 says what it decides where another version is installed.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, Final

from mlops_spec.model.spec.describe import one_of

DISTRIBUTION: Final = "scikit-learn"
_FILE: Final = Path(__file__).with_name("estimators.json")
# A boolean is an integer to scikit-learn, as it is to Python; what has a length is like an array.
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "null": (NoneType,), "boolean": (bool,), "integer": (int,), "number": (int, float),
    "float": (float,), "text": (str,), "list": (tuple, list), "mapping": (dict,),
    "array": (tuple, list, dict), "object": (),
}  # fmt: skip
_WORDS: Final[Mapping[str, str]] = {
    "null": "null", "boolean": "true or false", "integer": "a whole number", "number": "a number",
    "float": "a fraction", "text": "text", "list": "a list", "mapping": "a mapping",
    "array": "a list", "object": "an object of Python's, which no spec can write",
}  # fmt: skip
_BOUNDS: Final[Mapping[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    ">=": ("at least", operator.ge), ">": ("above", operator.gt),
    "<=": ("at most", operator.le), "<": ("below", operator.lt),
}  # fmt: skip


def _plain(end: float) -> str:
    return f"{end:,}" if isinstance(end, int) else format(end, ".12g")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values. Hidden: taken, and told by nobody, for instance since it is old."""

    values: tuple[str | bool, ...]
    hidden: bool = False

    def accepts(self, value: Any) -> bool:
        return any(type(value) is type(one) and value == one for one in self.values)

    def words(self) -> list[str]:
        return [repr(one) if isinstance(one, str) else str(one).lower() for one in self.values]


@dataclass(frozen=True, slots=True)
class Typed:
    """Every value of a kind, a number perhaps within bounds."""

    kind: str
    bounds: tuple[tuple[str, float], ...] = ()
    hidden: bool = False

    def accepts(self, value: Any) -> bool:
        fits = isinstance(value, _TYPES[self.kind])
        return fits and all(_BOUNDS[sign][1](value, end) for sign, end in self.bounds)

    def words(self) -> list[str]:
        ends = ", ".join(f"{_BOUNDS[sign][0]} {_plain(end)}" for sign, end in self.bounds)
        return [_WORDS[self.kind] + (f" ({ends})" if ends else "")]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a parameter takes: any of the alternatives."""

    alternatives: tuple[Choice | Typed, ...]

    def accepts(self, value: Any) -> bool:
        return any(one.accepts(value) for one in self.alternatives)

    def words(self) -> str:
        """A noun phrase; what is no value of its own comes last."""
        told = [word for one in self.alternatives if not one.hidden for word in one.words()]
        last = {_WORDS["null"]: 1, _WORDS["object"]: 2}
        return one_of(sorted(told, key=lambda word: last.get(word, 0)))

    def choices(self) -> tuple[str, ...]:
        """The words among what it takes."""
        told = (one for one in self.alternatives if isinstance(one, Choice) and not one.hidden)
        return tuple(word for one in told for word in one.values if isinstance(word, str))

    @property
    def needs_object(self) -> bool:
        return Typed("object") in self.alternatives


@dataclass(frozen=True, slots=True)
class Estimator:
    """One class. `role`: classifier, regressor, other; inner, where the estimator inside decides.

    `needs`: parameters without a default. A parameter that is None takes anything.
    `probabilities`: None where a classifier has them; otherwise the values that give it some.
    """

    path: str
    role: str
    params: Mapping[str, Parameter | None]
    needs: tuple[str, ...] = ()
    probabilities: Mapping[str, Choice] | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return table


def known_version() -> str:
    """The scikit-learn that is told of."""
    return str(_table()[DISTRIBUTION])


def known_paths() -> tuple[str, ...]:
    """Every classifier and regressor, and what may be one, by the paths that are documented."""
    return tuple(_table()["estimators"])


def folded_names() -> frozenset[str]:
    """The names of the classes, in small letters."""
    return frozenset(path.rpartition(".")[2].casefold() for path in known_paths())


def suitable(role: str) -> tuple[str, ...]:
    """The classifiers or regressors that a spec can name, by the paths that are documented."""
    return tuple(
        path
        for path, one in _table()["estimators"].items()
        if one["is"] == role and one.get("probabilities") != {} and "needs" not in one
    )


def known(path: str) -> Estimator | None:
    """The estimator at a dotted path; None where the table does not have it."""
    table = _table()
    path = table["also"].get(path, path)
    if path in table["other"]:
        return Estimator(path, "other", {})
    one = table["estimators"].get(path)
    if one is None:
        return None
    params = {name: _parameter(takes) for name, takes in one["params"].items()}
    needs = tuple(one.get("needs", ()))
    return Estimator(path, one["is"], params, needs, _choices(one.get("probabilities")))


def _choices(found: Mapping[str, list[Any]] | None) -> Mapping[str, Choice] | None:
    if found is None:
        return None
    return {name: Choice(tuple(values)) for name, values in found.items()}


def _parameter(takes: list[list[Any]] | None) -> Parameter | None:
    return None if takes is None else Parameter(tuple(map(_alternative, takes)))


def _alternative(words: list[Any]) -> Choice | Typed:
    hidden = words[0] == "hidden"
    match words[1:] if hidden else words:
        case ["one of", *values]:
            return Choice(tuple(values), hidden)
        case [str(kind), *bounds]:
            return Typed(kind, tuple(zip(bounds[::2], bounds[1::2], strict=True)), hidden)
    raise AssertionError(f"estimators.json: {words}")
