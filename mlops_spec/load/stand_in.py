"""What is well formed in a document that holds mistakes, so that all mistakes are told in one run.

Nothing is made of it: it lets rules between documents look at what stands beside the mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from mlops_spec.load.locate import in_tree
from mlops_spec.model.project import Loc
from mlops_spec.model.spec.base import SpecModel

S = TypeVar("S", bound=SpecModel)
# What lacks a required key is left out next, and then perhaps what holds it.
_ROUNDS: Final = 4


def stand_in(value: dict[str, Any], model: type[S], error: ValidationError) -> S | None:
    """The document without the fields that are wrong; None where too little is left of it."""
    for _ in range(_ROUNDS):
        wrong = {_field(value, detail) for detail in error.errors(include_url=False)}
        if () in wrong:
            return None
        value = _without(value, wrong)
        try:
            return model.model_validate(value)
        except ValidationError as again:
            error = again
    return None


def _field(value: Any, detail: Any) -> Loc:
    """The key to leave out; a list goes as a whole, so that what follows keeps its place."""
    loc: Loc = detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]
    loc = in_tree(value, loc)
    first = next((at for at, part in enumerate(loc) if isinstance(part, int)), len(loc))
    return loc[:first]


def _without(value: dict[str, Any], wrong: Iterable[Loc]) -> dict[str, Any]:
    heads = {loc[0] for loc in wrong if len(loc) == 1}
    deeper: dict[Any, set[Loc]] = {}
    for loc in wrong:
        if len(loc) > 1 and loc[0] not in heads:
            deeper.setdefault(loc[0], set()).add(loc[1:])
    return {
        key: _without(inner, deeper[key]) if key in deeper else inner
        for key, inner in value.items()
        if key not in heads
    }
