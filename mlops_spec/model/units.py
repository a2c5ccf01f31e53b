"""Quantities with their units: parsed once, printed one way.

Each type is a frozen value with `parse(text)` (raises `ValueError` with what a reader should
write instead) and `str()` that gives the canonical text back.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_SECONDS: Final[dict[str, float]] = {
    "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "month": 2592000,
}  # fmt: skip


class _Unit(ABC):
    """Base of the units: text in a spec, a frozen value in the program."""

    pattern: ClassVar[str]
    expected: ClassVar[str]

    @classmethod
    @abstractmethod
    def parse(cls, text: str) -> Self:
        """The value that a text says; `ValueError` with what to write instead."""

    @classmethod
    def _validate(cls, found: object) -> Self:
        if isinstance(found, cls):
            return found
        if isinstance(found, str):
            return cls.parse(found)
        raise ValueError(f"{_show(found)} has no unit; write {cls.expected}")

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": f"^{cls.pattern}$", "description": cls.expected}


def _show(found: object) -> str:
    return "nothing" if found is None else repr(found)


def _plain(number: float) -> str:
    """A number without a trailing `.0`, and without float noise."""
    return format(number, ".12g")


@dataclass(frozen=True, slots=True, order=True)
class Duration(_Unit):
    """A length of time, in seconds."""

    seconds: float

    pattern = rf"{_NUMBER}(ms|s|m|h|d|w)"
    expected = "a duration such as 50ms, 30s, 10m, 2h, 1d or 4w"

    @classmethod
    def parse(cls, text: str) -> Duration:
        match = re.fullmatch(cls.pattern, text)
        if not match:
            raise ValueError(f"{text!r} is not {cls.expected}")
        return cls(float(match[1]) * _SECONDS[match[2]])

    def __str__(self) -> str:
        for unit in ("w", "d", "h", "m", "s"):
            if self.seconds and self.seconds % _SECONDS[unit] == 0:
                return f"{_plain(self.seconds / _SECONDS[unit])}{unit}"
        return f"{_plain(self.seconds * 1000)}ms"


@dataclass(frozen=True, slots=True, order=True)
class Share(_Unit):
    """A part of a whole, 0 to 1, written as a percentage."""

    value: float

    pattern = rf"{_NUMBER}%"
    expected = "a percentage such as 5% or 0.5%"

    @classmethod
    def parse(cls, text: str) -> Share:
        match = re.fullmatch(cls.pattern, text)
        if not match:
            raise ValueError(f"{text!r} is not {cls.expected}")
        if float(match[1]) > 100:
            raise ValueError(f"{text!r} is more than the whole; a share is 0% to 100%")
        return cls(float(match[1]) / 100)

    def __str__(self) -> str:
        return f"{_plain(round(self.value * 100, 10))}%"


@dataclass(frozen=True, slots=True)
class Margin(_Unit):
    """A difference: relative (`3%`), in percentage points (`3pp`), or in the metric's own unit.

    A bare number is accepted here and refused by rule MLS307 where the metric is itself a share,
    because 0.03 of an AUC may mean 3 % of it or 3 points of it.
    """

    value: float
    unit: str  # "%", "pp" or "" for the metric's own unit

    pattern = rf"{_NUMBER}(%|pp)"
    expected = "a margin: relative such as 3%, or in percentage points such as 0.5pp"

    @classmethod
    def parse(cls, text: str) -> Margin:
        match = re.fullmatch(cls.pattern, text)
        if not match:
            raise ValueError(f"{text!r} is not {cls.expected}")
        return cls(float(match[1]) / 100, match[2])

    @classmethod
    def _validate(cls, found: object) -> Margin:
        match found:
            case Margin():
                return found
            case str():
                return cls.parse(found)
            case bool() | None:
                raise ValueError(f"{_show(found)} is not {cls.expected}")
            case int() | float() if math.isfinite(found) and found >= 0:
                return cls(float(found), "")
            case _:
                raise ValueError(f"{_show(found)} is not {cls.expected}")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text = {"type": "string", "pattern": f"^{cls.pattern}$"}
        return {"anyOf": [text, {"type": "number", "minimum": 0}], "description": cls.expected}

    def __str__(self) -> str:
        if not self.unit:
            return _plain(self.value)
        return f"{_plain(round(self.value * 100, 10))}{self.unit}"


_BYTES: Final[dict[str, int]] = {"kB": 10**3, "MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True, order=True)
class Bytes(_Unit):
    """A size on disk, in bytes; kB, MB and GB are powers of a thousand."""

    count: int

    pattern = rf"{_NUMBER}(kB|MB|GB)"
    expected = "a size such as 500kB, 50MB or 1.5GB"

    @classmethod
    def parse(cls, text: str) -> Bytes:
        match = re.fullmatch(cls.pattern, text)
        if not match:
            raise ValueError(f"{text!r} is not {cls.expected}")
        return cls(round(float(match[1]) * _BYTES[match[2]]))

    def __str__(self) -> str:
        unit = next((u for u in ("GB", "MB") if self.count >= _BYTES[u]), "kB")
        return f"{_plain(self.count / _BYTES[unit])}{unit}"


@dataclass(frozen=True, slots=True)
class Rate(_Unit):
    """How often at most: a count in a length of time, such as `4/month` (30 days)."""

    count: int
    per: str

    pattern = r"(\d+)/(h|d|w|month)"
    expected = "a rate such as 4/month, 1/w or 2/d"

    @classmethod
    def parse(cls, text: str) -> Rate:
        match = re.fullmatch(cls.pattern, text)
        if not match:
            raise ValueError(f"{text!r} is not {cls.expected}")
        return cls(int(match[1]), match[2])

    @property
    def seconds(self) -> float:
        return _SECONDS[self.per]

    def __str__(self) -> str:
        return f"{self.count}/{self.per}"
