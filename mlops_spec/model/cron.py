"""The five fields of cron: which numbers they stand for, and how often they come up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

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
_PART: Final = re.compile(r"(?:\*|(\w{1,4})(?:-(\w{1,4}))?)(?:/([0-9]{1,4}))?")
# Four years and a leap day from a Sunday on: every day of the year on several days of the week.
_FIRST_DAY: Final = date(2012, 1, 1)
_LOOKED_AT: Final = 4 * 366
_DAY_MINUTES: Final = 1440


class CronField(NamedTuple):
    """A field's name, its least and greatest number, and the words that stand for numbers."""

    name: str
    least: int
    most: int
    words: dict[str, int]


FIELDS: Final = (
    CronField("minute", 0, 59, {}),
    CronField("hour", 0, 23, {}),
    CronField("day of the month", 1, 31, {}),
    CronField("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    CronField("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)


def numbers(part: str, field: CronField) -> range | None:
    """What one part between commas stands for; None where it is not of this field."""
    match = _PART.fullmatch(part)
    if match is None:
        return None
    start, end, step = match.groups()
    every = int(step) if step else 1
    if start is None:
        found = (field.least, field.most)
    elif end is None:  # `5/10` goes on to the end, as a CronJob reads it
        found = (_number(start, field), field.most if step else _number(start, field))
    else:
        found = (_number(start, field), _number(end, field))
    low, high = found
    within = field.least <= low <= high <= field.most
    return range(low, high + 1, every) if within and every > 0 else None


@cache
def shortest_gap(text: str) -> int:
    """The fewest seconds between two moments of a cron line; of one that never comes, four years.

    The line must be right (MLS322).
    """
    minute, hour, *_ = _sets(text)
    moments = sorted(60 * h + m for h in hour for m in minute)
    gaps = [after - before for before, after in pairwise(moments)]
    overnight = moments[0] - moments[-1]
    days = min((b - a).days for a, b in _pairs_of_days(text))
    return 60 * min([*gaps, days * _DAY_MINUTES + overnight])


def _pairs_of_days(text: str) -> Iterator[tuple[date, date]]:
    _, _, days, months, weekdays = _sets(text)
    day_field, _, weekday_field = text.split(" ")[2:]
    either = not day_field.startswith("*") and not weekday_field.startswith("*")
    found = []
    for position in range(_LOOKED_AT):
        day = _FIRST_DAY + timedelta(days=position)
        in_month = day.day in days
        in_week = not weekdays.isdisjoint({day.isoweekday() % 7, day.isoweekday()})
        if day.month in months and (in_month or in_week if either else in_month and in_week):
            found.append(day)
    yield from pairwise(found)
    yield _FIRST_DAY, _FIRST_DAY + timedelta(days=_LOOKED_AT)


def _sets(text: str) -> list[frozenset[int]]:
    return [
        frozenset(n for part in written.split(",") for n in numbers(part, field) or ())
        for written, field in zip(text.split(" "), FIELDS, strict=True)
    ]


def _number(text: str, field: CronField) -> int:
    """-1, which no field has, for what is no number of it."""
    return int(text) if text.isascii() and text.isdigit() else field.words.get(text.lower(), -1)
