"""The estimator of a Model, against what scikit-learn is known to have (docs/adr/0072)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlops_spec.diagnostics import Code, Diagnostics, Span
from mlops_spec.diagnostics.catalogue import ESTIMATOR_MISFIT, OTHER_VERSION
from mlops_spec.diagnostics.suggest import nearest, slip_of
from mlops_spec.link.estimators import (
    DISTRIBUTION,
    Estimator,
    folded_names,
    known,
    known_version,
    suitable,
)
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document
from mlops_spec.model.spec.describe import one_of
from mlops_spec.model.spec.model import ModelSpec

ROLES: Final[Mapping[str, str]] = {
    "binary": "classifier", "multiclass": "classifier", "regression": "regressor",
    "ranking": "regressor",
}  # fmt: skip
OWN_FUNCTION: Final = (
    "let a function of yours make the estimator, and name that: estimator: module.function"
)
_LONGEST: Final = 60  # characters of a value
_USUAL: Final[Mapping[str, str]] = {
    "classifier": "sklearn.linear_model.LogisticRegression",
    "regressor": "sklearn.linear_model.Ridge",
}


def estimators_exist_and_suit(scope: Scope, found: Diagnostics) -> None:
    """MLS337: the class is there, can be made from a spec, and does what the task asks."""
    for document in scope.models:
        wrong = next(_misfits(document), None)
        if wrong is not None:
            at = document.places.value("train", "estimator")
            tell(scope, found, ESTIMATOR_MISFIT, at, wrong)


def _misfits(document: Document[ModelSpec]) -> Iterator[tuple[str, str]]:
    """(message, help) of what is wrong with the estimator itself, the worst first."""
    spec, path = document.spec, document.spec.train.estimator
    role, one = ROLES[spec.task], known(path)
    best = alike(path, role)
    meant = f"did you mean {best!r}?" if best else f"take a {role}, such as {_USUAL[role]}"
    if one is None:
        if _should_be_known(path):
            yield f"scikit-learn has no estimator {shown(path)}", meant
        return
    missing = [f"`{name}`" for name in one.needs if name not in spec.train.params]
    if missing and document.whole:
        yield f"{one.name} cannot be made without {' and '.join(missing)}", OWN_FUNCTION
    if one.role not in (role, "inner"):
        yield f"{one.name} is not a {role}", f"the task is {spec.task}; {meant}"
    if role == "classifier" and not _gives_probabilities(one, spec.train.params):
        yield f"{one.name} gives no probabilities", _with_probabilities(one)


def _gives_probabilities(one: Estimator, params: Mapping[str, Any]) -> bool:
    """By itself or by a parameter; where that is misspelt, there is one mistake, and no second."""
    for name, choice in (one.probabilities or {}).items():
        takes = one.params[name]
        wrong = takes is not None and name in params and not takes.accepts(params[name])
        slip = any(nearest(given, [name]) for given in params if given not in one.params)
        if wrong or slip or (name in params and choice.accepts(params[name])):
            return True
    return one.probabilities is None


def _with_probabilities(one: Estimator) -> str:
    ways = [
        f"write {name}: {one_of(choice.words())} in `params`"
        for name, choice in (one.probabilities or {}).items()
    ]
    wrapped = f"take another, such as {_USUAL['classifier']}; to wrap it, {OWN_FUNCTION}"
    return ", or ".join(ways) or wrapped


def _should_be_known(path: str) -> bool:
    """A class by its public path, nearly: private modules and functions are not looked at."""
    first, *_, last = parts = path.split(".")
    if any(part.startswith("_") for part in parts):
        return False
    named = last.casefold() in folded_names()
    if first == "sklearn":
        return named or last[:1].isupper()
    return named and slip_of(first, ["sklearn"]) is not None


def alike(path: str, role: str) -> str | None:
    """The estimator of a role with the nearest name, whatever module it is looked for in."""
    by_name = {other.rpartition(".")[2]: other for other in suitable(role)}
    best = nearest(path.rpartition(".")[2], by_name)
    return by_name[best] if best else None


def judges_of(spec: ModelSpec) -> tuple[Estimator, ...]:
    """Whose parameters may stand here: the estimator's; of one that misfits, those meant too."""
    path, role = spec.train.estimator, ROLES[spec.task]
    one = known(path)
    if one is not None and one.role in (role, "inner"):
        return (one,)
    if one is None and not _should_be_known(path):
        return ()
    best = alike(path, role)
    meant = known(best) if best else None
    return tuple(judge for judge in (one, meant) if judge is not None and judge.role != "other")


def tell(scope: Scope, found: Diagnostics, code: Code, at: Span, wrong: tuple[str, str]) -> None:
    """An error where the installed scikit-learn is the one that is known, otherwise a warning."""
    message, help = wrong
    there, known_here = scope.installed(DISTRIBUTION), known_version()
    if there is not None and _minor(there) == _minor(known_here):
        found.add(code, message, at=at, help=help)
        return
    here = f"{there} is installed" if there else "none is installed"
    found.add(
        OTHER_VERSION,
        f"{message}: so it is in scikit-learn {known_here}; here {here}",
        at=at,
        help=f"{help}; what is installed where the flows run decides, before it reads data",
    )


def _minor(version: str) -> list[str]:
    """Estimators and parameters come and go with the second number."""
    return version.split(".")[:2]


def shown(value: Any) -> str:
    """A value as it was written, shortened."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case dict():
            return "a mapping"
        case tuple() | list():
            return "a list"
        case _:
            text = repr(value)
            return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


RULES: Final = (estimators_exist_and_suit,)
