"""What a plain YAML scalar means: the core schema of YAML 1.2, without the surprises of 1.1."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MAX_INTEGER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Unusable:
    """A number that no field can take."""

    why: str
    help: str


def resolve(text: str) -> str | int | float | bool | Unusable | None:
    """The value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _ENDLESS.fullmatch(text):
        return Unusable("is not a finite number", "leave the key out where there is no limit")
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    if _OCTAL.fullmatch(text):
        return _integer(text[2:], 8)
    if _HEX.fullmatch(text):
        return _integer(text[2:], 16)
    return _float(text) if _FLOAT.fullmatch(text) else text


def _integer(digits: str, base: int) -> int | Unusable:
    too_large = Unusable("is larger than 64 bits hold", "put it in quotes if it is a name")
    if len(digits) > 80:
        return too_large
    value = int(digits, base)
    return value if abs(value) <= _MAX_INTEGER else too_large


def _float(text: str) -> float | Unusable:
    value = float(text)
    if math.isfinite(value):
        return value
    return Unusable("is larger than a number can be", "leave the key out where there is no limit")
