"""Which way a gate moved, in a word: what a reviewer asks first of a changed limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mlops_spec.model.facets import FieldChange
from mlops_spec.model.spec.base import Change
from mlops_spec.model.units import Bytes, Duration, Margin, Share

# Fields of which more lets less through (1), or lets more through (-1).
_MORE_IS_STRICTER: Final[dict[str, int]] = {
    "min": 1, "confidence": 1, "noise": 1,
    "max": -1, "no_worse_by": -1, "slower_by": -1, "evaluation_budget": -1,
}  # fmt: skip
# From loose to strict.
_RANKS: Final[dict[str, tuple[str, ...]]] = {
    "hypothesis": ("non_inferiority", "superiority", "margin"),
    "require": ("not_refuted", "shown"),
    "decide_on": ("point", "bound"),
    "on_inconclusive": ("need_approval", "hold", "fail"),
}
# What a field of the whole policy is where it is not set.
_DEFAULTS: Final[dict[str, Any]] = {
    "gates.confidence": "95%", "gates.decide_on": "bound", "gates.min_rows": 100,
    "gates.evaluation_budget": 50, "gates.on_inconclusive": "hold",
}  # fmt: skip
# Rows taken together count for less than rows taken alone.
_TOGETHER: Final = ("gates.cluster", "gates.blocks")
_LIMITS: Final = ("min", "max", "no_worse_by", "slower_by")
_UNITS: Final[tuple[tuple[str, Callable[[str], float]], ...]] = (
    ("%", lambda text: Share.parse(text).value),
    ("pp", lambda text: Margin.parse(text).value),
    ("s", lambda text: Duration.parse(text).seconds),
    ("B", lambda text: float(Bytes.parse(text).count)),
    ("", float),
)


def strictness(changes: Sequence[FieldChange], after: Mapping[str, Any]) -> dict[str, str]:
    """By path of a changed gate: `looser` or `stricter`; paths of which neither is so are left out.

    `after` holds the values of all fields as they are now, by path.
    """
    told = {c.path: _way(c, after) for c in changes if c.change is Change.GATE}
    return {path: "stricter" if way > 0 else "looser" for path, way in told.items() if way}


def _way(change: FieldChange, after: Mapping[str, Any]) -> int:
    """1 for stricter, -1 for looser, 0 where nobody can say."""
    before = _DEFAULTS.get(change.path) if change.before is None else change.before
    now = _DEFAULTS.get(change.path) if change.after is None else change.after
    field = change.path.rpartition(".")[2]
    may_go = change.path in _TOGETHER or field in _LIMITS or field in _RANKS
    if may_go and None in (before, now):
        # A limit that came is stricter, one that went is looser.
        return 1 if before is None else -1
    if field in _RANKS:
        return _ranked(_RANKS[field], before, now)
    if field == "margin":
        return _sign(now, before) * _of_margin(change.path, after)
    if change.path == "gates.min_rows":
        return _sign(now, before)
    return _sign(now, before) * _MORE_IS_STRICTER.get(field, 0)


def _ranked(ranks: tuple[str, ...], before: Any, now: Any) -> int:
    if before not in ranks or now not in ranks:
        return 0
    return _sign(ranks.index(now), ranks.index(before))


def _of_margin(path: str, after: Mapping[str, Any]) -> int:
    """A margin to be beaten is stricter when it grows, one that may be lost is looser."""
    hypothesis = after.get(f"{path.rpartition('.')[0]}.hypothesis")
    return {"margin": 1, "non_inferiority": -1}.get(str(hypothesis), 0)


def _sign(now: Any, before: Any) -> int:
    """Whether a value grew (1) or shrank (-1); 0 when it cannot be compared."""
    one, other = _size(now), _size(before)
    if one is None or other is None or one[0] != other[0]:
        return 0
    return (one[1] > other[1]) - (one[1] < other[1])


def _size(value: Any) -> tuple[str, float] | None:
    """A value of a spec as its unit and a number."""
    match value:
        case bool() | None:
            return None
        case int() | float():
            return "", float(value)
        case str():
            return _with_unit(value)
        case _:
            return None


def _with_unit(text: str) -> tuple[str, float] | None:
    for unit, size in _UNITS:
        try:
            return unit, size(text)
        except ValueError:
            continue
    return None
