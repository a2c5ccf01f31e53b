"""What was measured beside the answers, each by a rule's own wish: None where nothing asked.

It lies in the run's folder under `evidence/`, so that another limit is decided without measuring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from mlops_spec.runtime.declare import Consistent, Gates, Latency, Leakage, ModelSize, Stable
from mlops_spec.stats.estimate import Floats

Kind = Literal["latency", "size", "stability", "leakage", "consistency"]


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds that one row took, a turn each, in the order of the turns.

    `production` took its turn on the same row, beside it; None: it was not timed.
    """

    candidate: Floats
    production: Floats | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """The portable model on disk, in bytes."""

    bytes: int


@dataclass(frozen=True, slots=True)
class Shaken:
    """Decisions that changed when every number of `rows` rows moved by `noise` deviations.

    `alone` counts the changes when one feature alone moved, of `alone_rows` rows, worst first.
    `moved` is how many features there were to move.
    """

    noise: float
    rows: int
    changed: int
    moved: int
    alone_rows: int = 0
    alone: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Alone:
    """How well one feature ranks the label by itself, from 0.5 (not at all) to 1.

    Of a class: the area under the ROC curve with DeLong's variance, `rows` and `others` being the
    rows of the class and those of no other. Of a number (`others` 0): (1 + |Spearman's rho|) / 2.
    """

    feature: str
    of: str  # the class, or the label's name
    area: float
    variance: float | None
    rows: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Every feature for every class, best first; `tried` ways to rank were looked at for it."""

    found: tuple[Alone, ...]
    tried: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Held-out rows whose features and label all stand in one training row.

    `distinct` is how many different ones the held-out rows hold.
    """

    rows: int
    repeated: int
    distinct: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two ways to the same answers: the largest difference of a score, decisions that differ.

    A difference of predictions of a regression is relative to their size, where that is above 1.
    """

    way: str
    rows: int
    difference: float
    changed: int


@dataclass(frozen=True, slots=True)
class Measured:
    """All measurements of one run against one baseline.

    `obstacles` say why a measurement that a rule asked for could not be made.
    """

    timings: Timings | None = None
    size: Size | None = None
    shaken: Shaken | None = None
    ranking: Ranking | None = None
    seen: Seen | None = None
    agreements: tuple[Agreement, ...] | None = None
    obstacles: Mapping[Kind, str] = field(default_factory=lambda: MappingProxyType({}))


def read_measured(folder: Path, gates: Gates, baseline: str) -> Measured:
    """What was recorded in a run's folder of what these gates ask for. Nothing is measured.

    `baseline` is the run that it was compared with, "" for a first model.
    """
    from mlops_spec.runtime.gates.measuring import records

    place = folder / records.FOLDER
    found = Measured()
    for rule in gates.gates:
        match rule:
            case Latency():
                against = baseline if needs_production(gates) else ""
                found = replace(found, timings=records.timings(place, against))
            case ModelSize():
                found = replace(found, size=records.size(place))
            case Stable(noise=noise):
                found = replace(found, shaken=records.shaken(place, noise))
            case Leakage():
                found = replace(found, ranking=records.ranking(place), seen=records.seen(place))
            case Consistent():
                found = replace(found, agreements=records.agreements(place))
            case _:
                pass
    return found


def needs_production(gates: Gates) -> bool:
    """Whether production has to be timed beside the candidate."""
    return any(isinstance(r, Latency) and r.slower_by is not None for r in gates.gates)
