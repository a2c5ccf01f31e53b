"""A decision with its evidence. Five outcomes, and only one of them lets anything through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

# The units that an estimate may have; shares and counts have none.
_UNITS: Final = ("ms", "s", "h", "MB")


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NO_DATA = "no_data"
    ERROR = "error"


# Worst first: a set of verdicts is as good as its worst.
_WORST_FIRST: Final = (
    Outcome.ERROR, Outcome.FAIL, Outcome.NO_DATA, Outcome.INCONCLUSIVE, Outcome.PASS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision: what was asked, the estimate with its interval and n, the limit, why.

    `low` and `high` are the ends of the two-sided interval (None: unbounded or unknown);
    `n` is the denominator of the estimate; `n_enough` the rows that would have decided, if known;
    `method` how the interval was made; `parts` the verdicts that this one sums up, one a group.
    """

    check: str
    outcome: Outcome
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    limit: str = ""
    reason: str = ""
    n_enough: int | None = None
    method: str = ""
    parts: tuple[Verdict, ...] = ()

    @property
    def unit(self) -> str:
        """What estimate and interval are counted in, as the limit says it; "" for a plain number.

        Read from the words of the limit, so that verdicts of long ago have it too.
        """
        last = self.limit.rpartition(" ")[2]
        return last if last in _UNITS else ""

    def line(self) -> str:
        """The verdict on one line, as everything prints it."""
        parts = [f"{self.check}: {self.outcome.upper()}"]
        if self.estimate is not None:
            parts.append(f"{self.estimate:.4g} {self.unit}".rstrip())
        if self.low is not None or self.high is not None:
            parts.append(f"[{_end(self.low, '-∞')}, {_end(self.high, '∞')}]")
        parts.append(f"n={self.n}")
        if self.limit:
            parts.append(f"limit {self.limit}")
        told = str(self.n_enough) in self.reason  # better than we could
        if self.n_enough is not None and self.outcome is not Outcome.PASS and not told:
            parts.append(f"needs about {self.n_enough}")
        if self.reason:
            parts.append(f"({self.reason})")
        return "  ".join(parts)

    def to_json(self) -> dict[str, Any]:
        parts = [part.to_json() for part in self.parts]
        return {**asdict(replace(self, parts=())), "outcome": self.outcome.value, "parts": parts}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Verdict:
        parts = tuple(cls.from_json(part) for part in found.get("parts", ()))
        return cls(**{**found, "outcome": Outcome(found["outcome"]), "parts": parts})


def _end(value: float | None, unbounded: str) -> str:
    return unbounded if value is None else f"{value:.4g}"


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of all together. No verdict at all is `no_data`, never a pass."""
    found = set(outcomes)
    return next((outcome for outcome in _WORST_FIRST if outcome in found), Outcome.NO_DATA)
