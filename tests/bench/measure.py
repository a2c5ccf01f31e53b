"""Doing several ways of one thing in turns, and the table that compares them.

The ways take turns, round by round, so that what else the machine does hits all of them; a ratio
is taken within each round, and its median is shown.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

Sample = Mapping[str, float]
# Python may keep its compiled files, as it does for users; telemetry is off for everybody.
ENVIRONMENT: Final = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do a thing. `once` does it and says what it took."""

    name: str
    once: Callable[[], Sample]


@dataclass(frozen=True, slots=True)
class Measure:
    """A column: what is measured, in which unit, and whether more of it is better."""

    name: str
    unit: str
    digits: int = 3
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What was measured of one thing. Ratios are those of the first measure to each of `bases`."""

    topic: str
    title: str
    measures: tuple[Measure, ...]
    bases: tuple[str, ...]
    samples: Mapping[str, tuple[Sample, ...]]  # by way, one a round
    notes: tuple[str, ...] = field(default=())

    def values(self, way: str, measure: Measure) -> list[float]:
        return [sample[measure.name] for sample in self.samples[way] if measure.name in sample]

    def ratio(self, way: str, base: str) -> float | None:
        """How many times better than the base, by the first measure; the median over rounds."""
        first = self.measures[0]
        pairs = zip(self.values(way, first), self.values(base, first), strict=False)
        found = [(a / b if first.more_is_better else b / a) for a, b in pairs if a and b]
        return statistics.median(found) if found else None

    def to_json(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "title": self.title,
            "notes": list(self.notes),
            "ways": [
                {
                    "name": way,
                    "measures": {
                        measure.name: _json(self.values(way, measure), measure)
                        for measure in self.measures
                    },
                    "ratios": {base: self.ratio(way, base) for base in self.bases},
                }
                for way in self.samples
            ],
        }


def _json(values: list[float], measure: Measure) -> dict[str, Any]:
    if not values:
        return {"unit": measure.unit, "rounds": 0}
    return {
        "unit": measure.unit,
        "rounds": len(values),
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
    }


def in_turns(
    ways: Sequence[Way], rounds: int, *, warm_up: bool = True
) -> dict[str, tuple[Sample, ...]]:
    """Every way once a round; a round before the first is not counted."""
    if warm_up:
        for way in ways:
            way.once()
    found: dict[str, list[Sample]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            found[way.name].append(way.once())
    return {name: tuple(samples) for name, samples in found.items()}


def timed(work: Callable[[], object], times: int = 1) -> Callable[[], Sample]:
    """The seconds of `work`, done so many times in a row; those of one."""

    def once() -> Sample:
        started = time.perf_counter()
        for _ in range(times):
            work()
        return {"seconds": (time.perf_counter() - started) / times}

    return once


def command(
    arguments: Sequence[str | Path], folder: Path | None = None, expect: tuple[int, ...] = (0,)
) -> Callable[[], Sample]:
    """The CPU seconds of a command and its children, and its seconds by the clock."""

    def once() -> Sample:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in expect:
            raise SystemExit(f"{' '.join(map(str, arguments))} ended with {process.returncode}")
        return {
            "CPU": usage.ru_utime + usage.ru_stime,
            "clock": time.perf_counter() - started,
            "memory": usage.ru_maxrss / 1024,
        }

    return once
