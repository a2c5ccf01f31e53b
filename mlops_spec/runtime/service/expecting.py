"""What a column of a request takes, in words, and what to do with a value that it does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from mlops_spec.runtime.service.compiled_rows import limits_of
from mlops_spec.runtime.service.found import listed, quoted

_MISSING: Final = "no value of this column may be missing"
_LARGEST: Final = 1024  # bits of an integer that a double can come near
_VALUES: Final = 12  # of a category that are named
EXAMPLE_TIME: Final = "2024-01-31T12:00:00Z"
Near = Callable[[Iterable[str]], str | None]


def expected(field: FieldInfo | None) -> str:
    """`a number from 0 to 6000`, `one of 'EWR', 'JFK', 'LGA' or null`."""
    if field is None:
        return "what /openapi.json describes"
    kinds, nullable = kinds_of(field)
    words = " or ".join(_words(kind, field) for kind in kinds)
    return f"{words} or null" if nullable else words


def kinds_of(field: FieldInfo) -> tuple[list[Any], bool]:
    """The types that a field takes, without None and without what is annotated; and whether None.

    A `Literal` stays as it is.
    """
    annotation = field.annotation
    parts = [annotation]
    if get_origin(annotation) in (Union, UnionType):
        parts = list(get_args(annotation))
    plain = [get_args(part)[0] if get_origin(part) is Annotated else part for part in parts]
    return [part for part in plain if part is not type(None)], type(None) in plain


def _words(kind: Any, field: FieldInfo) -> str:
    if get_origin(kind) is Literal:
        return f"one of {listed(get_args(kind), _VALUES)}"
    if kind is bool:
        return "true or false"
    if kind is datetime:
        return f"a time such as '{EXAMPLE_TIME}'"
    if kind is str:
        return "text"
    return f"{'an integer' if kind is int else 'a number'}{_within(field)}"


def _within(field: FieldInfo) -> str:
    kinds, _ = kinds_of(field)
    if len(kinds) > 1:  # the key, which may be any text or what a column of integers holds
        return " of 64 bits"
    least, most, _ = limits_of(field)
    match math.isfinite(least), math.isfinite(most):
        case True, True:
            return f" from {_plain(least)} to {_plain(most)}"
        case True, False:
            return f" of at least {_plain(least)}"
        case False, True:
            return f" of at most {_plain(most)}"
        case _:
            return ""


def _plain(bound: float) -> str:
    whole = isinstance(bound, int) or (bound.is_integer() and abs(bound) < 1e15)
    return str(int(bound)) if whole else str(bound)


def helped(field: FieldInfo | None, value: object, near: Near) -> str:
    """`; send it without quotes`, where something helps beside what is expected.

    `near` finds the nearest of some names.
    """
    if field is None:
        return ""
    kinds, nullable = kinds_of(field)
    match value:
        case str():
            said = _help_with_text(kinds, value, near)
        case None:
            said = _MISSING
        case float() if math.isnan(value):
            said = "a missing value is null" if nullable else _MISSING
        case int() | float() if not isinstance(value, bool):
            said = _help_with_number(kinds, value)
        case _:
            said = ""
    return f"; {said}" if said else ""


def _help_with_number(kinds: list[Any], value: float) -> str:
    if str in kinds:
        return "send it as text, in quotes"
    if float in kinds and isinstance(value, int) and value.bit_length() > _LARGEST:
        return "there are no numbers beyond 1.8e308"
    return ""


def _help_with_text(kinds: list[Any], value: str, near: Near) -> str:
    values = [each for kind in kinds if get_origin(kind) is Literal for each in get_args(kind)]
    if values:
        meant = near(values)
        return "" if meant is None else f"did you mean {quoted(meant)}?"
    if bool in kinds and value.strip().lower() in ("true", "false"):
        return f"send {value.strip().lower()} without quotes"
    if (float in kinds or int in kinds) and _is_number(value):
        return "send the number without quotes"
    return ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text[:64]))
    except ValueError:
        return False
