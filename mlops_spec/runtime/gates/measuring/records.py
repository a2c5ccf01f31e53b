"""What was measured of a run, as files in its folder: read by the next gate and by a replay.

A file is named by what its content depends on beside the run: the noise, the baseline. One that is
missing, of another format or broken is None, as if nothing had been measured.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar
from zipfile import BadZipFile

import numpy as np

from mlops_spec.runtime.gates.measured import (
    Agreement,
    Alone,
    Ranking,
    Seen,
    Shaken,
    Size,
    Timings,
)
from mlops_spec.terms.digest import finite

FOLDER: Final = "evidence"
FORMAT: Final = 1
SEED: Final = 0  # of the noise
_ALONE: Final = "alone"

T = TypeVar("T")


def timings(place: Path, baseline: str) -> Timings | None:
    """The turns beside a baseline; "": those without one, or beside any that there is."""
    beside = [_latency(place, baseline)] if baseline else [_latency(place, ""), *_others(place)]
    for path in beside:
        try:
            # Opened here: numpy leaves a file open that it cannot read.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
                production = found["production"] if baseline else None
                return Timings(found["candidate"], production)
        except (OSError, EOFError, ValueError, KeyError, BadZipFile):
            continue
    return None


def write_timings(place: Path, baseline: str, found: Timings) -> None:
    arrays = {"candidate": found.candidate}
    if found.production is not None:
        arrays["production"] = found.production
    path = _latency(place, baseline if found.production is not None else "")
    unfinished = _unfinished(path)
    with unfinished.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # numpy's stub takes flags there too
    unfinished.replace(path)


def _latency(place: Path, baseline: str) -> Path:
    return place / f"latency-{baseline or _ALONE}.npz"


def _others(place: Path) -> list[Path]:
    return sorted(place.glob("latency-*.npz"))


def size(place: Path) -> Size | None:
    return _read(place / "size.json", lambda found: Size(**found))


def write_size(place: Path, found: Size) -> None:
    _write(place / "size.json", asdict(found))


def shaken(place: Path, noise: float) -> Shaken | None:
    return _read(
        _stability(place, noise),
        lambda found: Shaken(**{**found, "alone": tuple(map(tuple, found["alone"]))}),
    )


def write_shaken(place: Path, found: Shaken) -> None:
    _write(_stability(place, found.noise), asdict(found))


def _stability(place: Path, noise: float) -> Path:
    return place / f"stability-{noise:g}-{SEED}.json"


def ranking(place: Path) -> Ranking | None:
    return _read(
        place / "leakage-ranking.json",
        lambda found: Ranking(tuple(Alone(**each) for each in found["found"]), found["tried"]),
    )


def write_ranking(place: Path, found: Ranking) -> None:
    _write(place / "leakage-ranking.json", asdict(found))


def seen(place: Path) -> Seen | None:
    return _read(place / "leakage-seen.json", lambda found: Seen(**found))


def write_seen(place: Path, found: Seen) -> None:
    _write(place / "leakage-seen.json", asdict(found))


def agreements(place: Path) -> tuple[Agreement, ...] | None:
    return _read(
        place / "consistency.json",
        lambda found: tuple(_agreement(each) for each in found["ways"]),
    )


def write_agreements(place: Path, found: tuple[Agreement, ...]) -> None:
    _write(place / "consistency.json", {"ways": [asdict(each) for each in found]})


def _agreement(found: dict[str, Any]) -> Agreement:
    """JSON has no infinity: null is a difference from an answer that is no number."""
    difference = found["difference"]
    return Agreement(**{**found, "difference": np.inf if difference is None else difference})


def _read(path: Path, made: Callable[[dict[str, Any]], T]) -> T | None:
    try:
        found = json.loads(path.read_text())
        return made(found["measured"]) if found["format"] == FORMAT else None
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _write(path: Path, measured: dict[str, Any]) -> None:
    unfinished = _unfinished(path)
    content = {"format": FORMAT, "measured": finite(measured)}
    unfinished.write_text(json.dumps(content, indent=2, ensure_ascii=False))
    unfinished.replace(path)


def _unfinished(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_suffix(f".{os.getpid()}.tmp")
