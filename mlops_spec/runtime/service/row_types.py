"""The types of a rendered service's columns, beside those of Python."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError


def _text_of_time(value: Any) -> str:
    """The text `20240131` is no day to pydantic, but seconds since 1970: some day in 1970."""
    if not isinstance(value, str):
        raise PydanticCustomError("datetime_type", "a time is text")
    try:
        float(value)
    except ValueError:
        return value
    raise PydanticCustomError("datetime_number", "a number is no time")


# A double holds every whole number up to here, and a model sees doubles.
Integer = Annotated[int, Field(ge=-(2**53), le=2**53)]
# What a column of integers holds. Longer keys come as text.
Key = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
# Not strict: what comes out of a function is no JSON to pydantic, and text only there a time.
Time = Annotated[datetime, Field(strict=False), BeforeValidator(_text_of_time)]
