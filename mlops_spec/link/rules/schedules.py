"""Cron, as far as it can be wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import BAD_CRON
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.drift import DriftSpec
from mlops_spec.model.spec.model import ModelSpec

_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# name, least, most, words that stand for numbers
_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_PART: Final = re.compile(r"(?:\*|(\w{1,4})(?:-(\w{1,4}))?)(?:/([0-9]{1,4}))?")


def schedules_are_cron(scope: Scope, found: Diagnostics) -> None:
    """MLS322: each of five fields is within its range."""
    for document, loc, text in _schedules(scope):
        mistake = mistake_in(text)
        if mistake:
            found.add(
                BAD_CRON,
                f"{text!r} is not cron: {mistake}",
                at=document.places.value(*loc),
                help='minute, hour, day of the month, month, day of the week: "0 3 * * 1" is '
                "Mondays at 03:00 UTC",
            )


def _schedules(scope: Scope) -> Iterator[tuple[Document[Any], Loc, str]]:
    for monitor in scope.of(DriftSpec):
        yield monitor, ("schedule",), monitor.spec.schedule
    for model in scope.of(ModelSpec):
        if model.spec.retrain.schedule is not None:
            yield model, ("retrain", "schedule"), model.spec.retrain.schedule
        if model.spec.batch and model.spec.batch.schedule is not None:
            yield model, ("batch", "schedule"), model.spec.batch.schedule


def mistake_in(text: str) -> str:
    """What is wrong with a cron line; empty when nothing is."""
    for field, (name, least, most, words) in zip(text.split(" "), _FIELDS, strict=True):
        for part in field.split(","):
            if not _fits(part, least, most, words):
                return f"{part!r} is no {name}, which is {least} to {most}"
    return ""


def _fits(part: str, least: int, most: int, words: dict[str, int]) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    start, end, step = match.groups()
    numbers = [_number(text, words) for text in (start, end) if text is not None]
    within = all(number is not None and least <= number <= most for number in numbers)
    return (
        within
        and numbers == sorted(numbers, key=lambda n: n or 0)
        and (step is None or int(step) > 0)
    )


def _number(text: str, words: dict[str, int]) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else words.get(text.lower())


RULES: Final = (schedules_are_cron,)
