"""Waiting for evidence: when to look, at which error level, and when to give up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from mlops_spec.runtime.cluster.refused import Unreachable
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.judge import Levels, together
from mlops_spec.stats.sequential import Spending, looks_planned
from mlops_spec.terms.verdict import Outcome, Verdict

# Seconds between two counts of what has arrived. Counting is not a look: it decides nothing.
POLL: Final = 0.5
# Evidence that cannot be read this many times in a row rolls back: blind is not safe.
UNREADABLE: Final = 5


@dataclass(frozen=True, slots=True)
class Window:
    """What a step must have seen: planned requests; shortest and longest time in seconds."""

    min_requests: int
    at_least: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and waiting, so that tests need no time."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a step came to. Only `pass` lets the rollout go on."""

    step: str
    outcome: Outcome
    verdicts: tuple[Verdict, ...] = ()
    requests: int = 0
    looks: int = 0
    seconds: float = 0.0
    reason: str = ""
    skipped: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASS or bool(self.skipped)

    def to_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome.value, "verdicts": [v.to_json() for v in self.verdicts],
            "requests": self.requests, "looks": self.looks, "seconds": round(self.seconds, 3),
            "reason": self.reason, "skipped": self.skipped,
        }  # fmt: skip

    @classmethod
    def from_json(cls, step: str, found: dict[str, Any]) -> Judged:
        return cls(
            step,
            Outcome(found["outcome"]),
            tuple(map(Verdict.from_json, found["verdicts"])),
            found["requests"],
            found["looks"],
            found["seconds"],
            found["reason"],
            found["skipped"],
        )


@dataclass(frozen=True, slots=True)
class Probe:
    """Where a step's evidence comes from: how many requests so far, and the verdicts on them."""

    count: Callable[[], int]
    judge: Callable[[Levels], tuple[Verdict, ...]]


class Watch:
    """One step's watch. Looks are numbered from 1; each spends its part of the error level."""

    def __init__(self, step: str, window: Window, spending: Spending, clock: Clock) -> None:
        self._step = step
        self._window = window
        self._spending = spending
        self._clock = clock
        self._started = clock.now()
        self._due = self._looks = self._attempts = self._unreadable = 0

    def run(self, probe: Probe, progress: Callable[[dict[str, Any]], None]) -> Judged:
        """Wait until the evidence decides or time is up; time alone never passes a step."""
        while True:
            last = self._elapsed >= self._window.at_most
            found = self._look(probe, last)
            if found is not None:
                blind = found.outcome is Outcome.ERROR and self._unreadable >= UNREADABLE
                if found.outcome in {Outcome.PASS, Outcome.FAIL} or blind:
                    return found
                if last:
                    return self._closed(found)
                progress(found.to_json())
            self._clock.sleep(POLL)

    @property
    def _elapsed(self) -> float:
        return self._clock.now() - self._started

    def _look(self, probe: Probe, last: bool) -> Judged | None:
        """A judgement when a look is due, None when it is not."""
        try:
            n = probe.count()
            levels = self._levels(n, last)
            verdicts = probe.judge(levels) if levels else None
        except Unreachable:
            raise  # a place that does not answer at all says nothing about the candidate
        except (OSError, ValueError, LookupError, Refusal) as error:
            self._unreadable += 1
            reason = f"the evidence cannot be read: {type(error).__name__}: {error}"
            return self._judged((Verdict("evidence", Outcome.ERROR, reason=reason),), 0)
        self._unreadable = 0
        return self._judged(verdicts, n) if verdicts is not None else None

    def _levels(self, n: int, last: bool) -> Levels | None:
        due = looks_planned(self._window.min_requests, n)
        ready = n >= self._window.min_requests and self._elapsed >= self._window.at_least
        first_attempt = ready and self._attempts == 0
        if due <= self._due and not first_attempt and not last:
            return None
        self._due = max(due, self._due)
        self._looks += 1
        self._attempts += ready
        promote = self._spending.promote(self._attempts) if ready else None
        return Levels(self._looks, self._spending.harm(self._looks), promote)

    def _judged(self, verdicts: tuple[Verdict, ...], n: int) -> Judged:
        outcome = together(verdicts)
        return Judged(
            self._step, outcome, verdicts, n, self._looks, self._elapsed, _why(outcome, verdicts)
        )

    def _closed(self, found: Judged) -> Judged:
        waited = f"{self._window.at_most:g} s"
        if found.requests == 0:
            return replace(found, reason=f"no requests in {waited}")
        return replace(
            found,
            reason=f"undecided after {waited}, {found.requests} of {self._window.min_requests} "
            f"requests: {found.reason}",
        )


def _why(outcome: Outcome, verdicts: tuple[Verdict, ...]) -> str:
    """The line of the verdict that decided."""
    return next((v.line() for v in verdicts if v.outcome is outcome), "no verdict")
