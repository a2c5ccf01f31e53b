"""What a request holds, in a few words of an answer: a value with its type, a name, a place.

Whatever it is, a few dozen characters are told of it: an answer is no mirror for a client's bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

LONGEST: Final = 40  # characters of a text or of a name
_DIGITS: Final = 24  # of an integer that is told whole
_WRITABLE: Final = 14_000  # bits; Python refuses to write out more than 4,300 digits


def found(value: object) -> str:
    """`'AA' (text)`, `-1 (integer)`, `null`, `a list of 3`."""
    return _WORDS.get(type(value), _other)(value)


def quoted(text: str) -> str:
    """The beginning of a text in quotes."""
    return f"'{short(text)}'"


def short(text: str) -> str:
    """The beginning of a text, without characters that cannot be seen or steer a terminal."""
    cut = text[:LONGEST]
    seen = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)
    return seen if len(text) <= LONGEST else f"{seen}…"


def place(location: tuple[int | str, ...]) -> str:
    """`("rows", 0, "distance")` → `rows[0].distance`. Names that a client made up are cut."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{short(part)}" for part in location)
    return text.removeprefix(".")


def listed(values: Sequence[Any], most: int) -> str:
    """`'a', 'b', … (40 in all)`."""
    shown = ", ".join(quoted(v) if isinstance(v, str) else str(v) for v in values[:most])
    return shown if len(values) <= most else f"{shown}, … ({len(values):,} in all)"


def _text(value: str) -> str:
    size = f" of {len(value):,} characters" if len(value) > LONGEST else ""
    return f"{quoted(value)} (text{size})"


def _integer(value: int) -> str:
    if value.bit_length() > _WRITABLE:
        return "an integer of thousands of digits"
    text = str(value)
    digits = len(text.lstrip("-"))
    if digits > _DIGITS:
        return f"{text[:10]}… (integer of {digits} digits)"
    return f"{text} (integer)"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return f"{'' if value > 0 else '-'}infinity (a number beyond 1.8e308)"
    return f"{value} (number)"


def _list(value: list[Any]) -> str:
    return f"a list of {len(value):,}" if value else "an empty list"


def _object(value: dict[str, Any]) -> str:
    if not value:
        return "an empty object"
    return f"an object of {len(value):,} {'key' if len(value) == 1 else 'keys'}"


def _other(value: object) -> str:
    return f"a {type(value).__name__}"


# What a reader of JSON makes of it, and `tolist` of numpy.
_WORDS: Final[Mapping[type, Callable[[Any], str]]] = {
    type(None): lambda _: "null", bool: lambda value: "true" if value else "false",
    int: _integer, float: _number, str: _text, list: _list, dict: _object,
}  # fmt: skip
