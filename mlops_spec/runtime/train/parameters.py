"""The parameters of what makes an estimator: which there are, and which values are taken."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Final

from mlops_spec.diagnostics.suggest import did_you_mean, slip_of
from mlops_spec.runtime.declare import Recipe
from mlops_spec.runtime.refusal import Refusal, gist

_NAMED: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The names of the parameters; `others`: any other is taken as well, by `**kwargs`."""

    names: frozenset[str]
    others: bool

    def strange(self, given: Iterable[str]) -> list[str]:
        """What is no parameter; where any is taken, what differs from one by a single letter.

        A booster would ignore that without a word. None of LightGBM's 308 names and aliases, and
        none of XGBoost's, is so near to another (tests/runtime/test_ready_estimator.py).
        """
        unknown = [name for name in given if name not in self.names]
        return [name for name in unknown if not self.others or slip_of(name, self.names)]


def parameters_of(maker: Any) -> Parameters:
    """Of a class or a function. A class that takes any other takes those of its bases, too."""
    first = _parameters(maker)
    names = _names(first)
    others = any(one.kind is Parameter.VAR_KEYWORD for one in first)
    if others and inspect.isclass(maker):
        bases = filter(inspect.isfunction, (vars(base).get("__init__") for base in maker.__mro__))
        names |= {name for made in bases for name in _names(_parameters(made)) if name != "self"}
    return Parameters(frozenset(names), others)


def required_by(function: Any) -> set[str]:
    """The parameters without which it cannot be called."""
    return _names(one for one in _parameters(function) if one.default is Parameter.empty)


def _parameters(maker: Any) -> list[Parameter]:
    return list(inspect.signature(maker).parameters.values())


def _names(parameters: Iterable[Parameter]) -> set[str]:
    return {one.name for one in parameters if one.kind in _NAMED}


def require_known(recipe: Recipe, known: Parameters) -> None:
    """`Refusal` MLS707 with all parameters that there are not."""
    strange = known.strange(recipe.params)
    if strange:
        raise Refusal(
            "MLS707",
            f"{recipe.estimator} has no parameter {strange[0]!r}",
            did_you_mean(strange[0], known.names),
            tuple(
                f"no parameter {name!r}; {did_you_mean(name, known.names)}" for name in strange[1:]
            ),
            field=("train", "params", strange[0]),
        )


def require_taken(recipe: Recipe, estimator: Any) -> None:
    """`Refusal` MLS707 with a value that scikit-learn does not take.

    It looks at values when it fits, after all work with the data. Asked here where its own `fit`
    will ask: of a subclass too, unless that fits in its own way.
    """
    if not (_fits_as_scikit_learn(estimator) and hasattr(estimator, "_parameter_constraints")):
        return
    try:
        estimator._validate_params()
    # A subclass may be anybody's: whatever it raises is about it, not about us.
    except Exception as error:
        named = next((name for name in recipe.params if repr(name) in str(error)), None)
        raise Refusal(
            "MLS707",
            f"{recipe.estimator} refuses its parameters: {gist(error)}",
            "look at `train.params`",
            field=("train", "params", *filter(None, [named])),
        ) from error


def _fits_as_scikit_learn(estimator: Any) -> bool:
    return str(getattr(type(estimator).fit, "__module__", "")).startswith("sklearn.")
