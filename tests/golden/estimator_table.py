"""Writes mlops_spec/link/estimators.json from the scikit-learn that is installed. `make golden`.

Its constraints on parameters are private to it; what they say is checked by asking them the same
questions (tests/golden/test_estimator_table.py).
"""

from __future__ import annotations

import importlib
import inspect
import json
import math
import pkgutil
import warnings
from collections.abc import Iterable, Iterator
from numbers import Integral
from pathlib import Path
from typing import Any, Final

import sklearn
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import all_estimators
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    RealNotInt,
    make_constraint,
    validate_parameter_constraints,
)

TABLE: Final = Path(__file__).resolve().parents[2] / "mlops_spec" / "link" / "estimators.json"
# One value of each kind that YAML has, as it reaches the estimator: a list is a tuple by then.
SAMPLES: Final[dict[str, Any]] = {
    "null": None, "boolean": True, "integer": 1, "float": 1.5, "text": "x", "list": ("x",),
    "mapping": {"x": 1},
}  # fmt: skip
# What a constraint on the type alone lets through. Python's booleans are integers.
KINDS: Final = {
    frozenset(): "object",
    frozenset({"null"}): "null",
    frozenset({"boolean"}): "boolean",
    frozenset({"boolean", "integer"}): "integer",
    frozenset({"boolean", "integer", "float"}): "number",
    frozenset({"float"}): "float",
    frozenset({"text"}): "text",
    frozenset({"list"}): "list",
    frozenset({"mapping"}): "mapping",
    # Whatever has a length is array-like.
    frozenset({"list", "mapping"}): "array",
}
MODULES_APART: Final = ("tests", "externals", "conftest")


def table_text() -> str:
    """The whole table: a line a parameter, so that a new scikit-learn reads as a diff."""
    with warnings.catch_warnings():
        # Some are deprecated, and say so when they are made.
        warnings.simplefilter("ignore")
        return "\n".join(table_lines()) + "\n"


def table_lines() -> list[str]:
    paths = public_paths({kind for _, kind in all_estimators()})
    own = {kind: shortest(names) for kind, names in paths.items()}
    fitting = {own[kind]: kind for kind in own if role_of(kind) != "other"}
    return [
        "{",
        f' "scikit-learn": "{sklearn.__version__}",',
        f' "other": {json.dumps(sorted(own[kind] for kind in own if role_of(kind) == "other"))},',
        f' "also": {json.dumps(also(paths, own))},',
        ' "estimators": {',
        ",\n".join(f"  {json.dumps(path)}: {entry(fitting[path])}" for path in sorted(fitting)),
        " }",
        "}",
    ]


def public_paths(kinds: set[type]) -> dict[type, list[str]]:
    """Every path without an underscore from which a class can be imported."""
    paths: dict[type, list[str]] = {kind: [] for kind in kinds}
    for module in ["sklearn", *public_modules(sklearn.__path__, "sklearn.")]:
        for name, value in vars(importlib.import_module(module)).items():
            if inspect.isclass(value) and value in paths:
                paths[value].append(f"{module}.{name}")
    return paths


def public_modules(path: Iterable[str], prefix: str) -> Iterator[str]:
    for found in pkgutil.iter_modules(path, prefix):
        last = found.name.rpartition(".")[2]
        if last.startswith("_") or last in MODULES_APART:
            continue
        yield found.name
        if found.ispkg:
            yield from public_modules(
                importlib.import_module(found.name).__path__, found.name + "."
            )


def shortest(paths: list[str]) -> str:
    """The path of the documentation: where the class is listed, not where it is only used."""
    listed = [path for path in paths if path.rpartition(".")[2] in exported(path)]
    return min(listed or paths, key=lambda path: (path.count("."), path))


def exported(path: str) -> list[str]:
    return getattr(importlib.import_module(path.rpartition(".")[0]), "__all__", [])


def also(paths: dict[type, list[str]], own: dict[type, str]) -> dict[str, str]:
    other = {path: own[kind] for kind in paths for path in paths[kind] if path != own[kind]}
    return dict(sorted(other.items()))


def role_of(kind: type) -> str:
    """`classifier`, `regressor`, `other`; `inner` where it is what the estimator inside is."""
    mixed = {ClassifierMixin: "classifier", RegressorMixin: "regressor"}
    by_class = next((role for base, role in mixed.items() if issubclass(kind, base)), None)
    return by_class or ("inner" if needs(kind) else "other")


def entry(kind: type) -> str:
    head: dict[str, Any] = {"is": role_of(kind)}
    if head["is"] == "classifier" and not has_probabilities(kind):
        head["probabilities"] = dict(probabilities(kind))
    if needs(kind):
        head["needs"] = needs(kind)
    params = ",\n".join(
        f"   {json.dumps(name)}: {json.dumps(takes(kind, name))}"
        for name in inspect.signature(kind).parameters
    )
    return f'{json.dumps(head)[:-1]}, "params": {{\n{params}}}}}' if params else json.dumps(head)


def has_probabilities(kind: Any, **params: Any) -> bool:
    """As it is made; of one that needs another inside, as its class is."""
    return hasattr(kind if needs(kind) else kind(**params), "predict_proba")


def probabilities(kind: Any) -> Iterator[tuple[str, list[Any]]]:
    """The parameters, each with the values, that give it probabilities it has not by default."""
    for name in inspect.signature(kind).parameters:
        values = [one for form in takes(kind, name) or () for one in _few_values(form)]
        found = [one for one in values if has_probabilities(kind, **{name: one})]
        if found:
            yield name, found


def _few_values(form: list[Any]) -> list[Any]:
    match form:
        case ["boolean"]:
            return [True, False]
        case ["one of", *values]:
            return values
    return []


def needs(kind: Any) -> list[str]:
    """Parameters without a default, and those whose default scikit-learn itself refuses."""
    constraints = getattr(kind, "_parameter_constraints", {})
    found = inspect.signature(kind).parameters.values()
    return [one.name for one in found if not _has_default(constraints, one)]


def _has_default(constraints: Any, one: inspect.Parameter) -> bool:
    if one.default is inspect.Parameter.empty:
        return False
    try:
        validate_parameter_constraints(constraints, {one.name: one.default}, "")
    except InvalidParameterError:
        return False
    return True


def takes(kind: Any, name: str) -> list[list[Any]] | None:
    """What a parameter takes, one alternative after the other; None: anything."""
    constraints = getattr(kind, "_parameter_constraints", {}).get(name, "no_validation")
    if isinstance(constraints, str):
        return None
    found = [one for raw in constraints for one in alternatives(make_constraint(raw))]
    written = [one for place, one in enumerate(found) if one not in found[:place]]
    # NumPy's booleans, generators of random numbers: said only where a spec can write nothing else.
    others = [one for one in written if one[-1] != "object"]
    return others if any(one != ["null"] for one in others) else [*others, ["object"]]


def alternatives(constraint: Any) -> Iterator[list[Any]]:
    """`["integer", ">=", 1]`; first `hidden` where scikit-learn does not tell of it either."""
    hidden = ["hidden"] if constraint.hidden else []
    match constraint:
        case Interval():
            yield [*hidden, _number(constraint.type), *_bounds(constraint)]
        case Options():
            old = set(constraint.deprecated)
            yield from _choices(hidden, constraint.options - old)
            yield from _choices(["hidden"], constraint.options & old)
        case _ if hasattr(constraint, "_constraints"):
            for inner in constraint._constraints:
                yield from ([*hidden, *one] for one in alternatives(inner))
        case _:
            fits = {name for name, one in SAMPLES.items() if constraint.is_satisfied_by(one)}
            yield [*hidden, KINDS[frozenset(fits)]]


def _choices(hidden: list[str], options: Iterable[Any]) -> Iterator[list[Any]]:
    told = [one for one in options if isinstance(one, str | bool)]
    if told:
        yield [*hidden, "one of", *sorted(told)]


def _number(kind: type) -> str:
    return {Integral: "integer", RealNotInt: "float"}.get(kind, "number")


def _bounds(interval: Any) -> Iterator[Any]:
    for sign, side, end in ((">", "left", interval.left), ("<", "right", interval.right)):
        if end is not None and math.isfinite(end):
            closed = interval.closed in (side, "both")
            yield from (f"{sign}=" if closed else sign, _plain(end))


def _plain(end: Any) -> int | float:
    return int(end) if isinstance(end, Integral) else float(end)


def write() -> None:
    """Write the table again."""
    TABLE.write_text(table_text(), encoding="utf-8")


if __name__ == "__main__":
    write()
