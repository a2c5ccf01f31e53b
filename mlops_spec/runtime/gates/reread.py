"""Evidence read back from a run's folder, with what of it is missing for the rules at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mlops_spec.runtime.declare import (
    Against,
    Consistent,
    Fair,
    Gate,
    Gates,
    Latency,
    Leakage,
    ModelSize,
    Segments,
    Stable,
)
from mlops_spec.runtime.gates.collect import grouping_columns
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import Measured, read_measured
from mlops_spec.runtime.gates.recorded import (
    Made,
    Unrecorded,
    read_columns,
    read_judged,
    read_made,
    read_production,
)
from mlops_spec.runtime.gates.retold import (
    NEEDS_FILES,
    NEEDS_MODEL,
    NEEDS_ROWS,
    compared_at_export,
    refuted,
    retold,
)
from mlops_spec.runtime.gates.units import units_of
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.stats.judged import Judged


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A rule whose measurement was not taken: what that is, and why it is not taken now.

    `left` is what of the rule is refuted all the same.
    """

    rule: Gate
    what: str
    why: str
    left: Gate | None = None


@dataclass(frozen=True, slots=True)
class Reread:
    """The evidence, and what of it is not there: a line each. Only what the gates ask for."""

    evidence: Evidence
    made: Made
    production_untold: str = ""
    unmeasured: tuple[Unmeasured, ...] = ()

    @property
    def task(self) -> str:
        return self.made.task

    @property
    def missing(self) -> tuple[str, ...]:
        return (*filter(None, [self.production_untold]), *_never(self.unmeasured))

    def answerable(self, gates: Gates) -> Gates:
        """The rules, and the parts of rules, that what is there can answer."""
        unmeasured = [lack.rule for lack in self.unmeasured]
        left = tuple(lack.left for lack in self.unmeasured if lack.left is not None)
        kept = (*(rule for rule in gates.gates if rule not in unmeasured), *left)
        if self.production_untold:
            kept = tuple(filter(None, map(_alone, kept)))
        return replace(gates, gates=kept)


def reread(folder: Path, gates: Gates, baseline: str) -> Reread | str:
    """The recorded evidence on a run against `baseline` ("" for a first model), or why not."""
    try:
        made = read_made(folder)
        judged = read_judged(folder, made)
        rows = _grouping_rows(folder, gates, len(judged.truth))
        time = read_columns(folder / "heldout.parquet", ["time"])["time"]
        units = units_of(gates, rows, time)
    except Unrecorded as error:
        return str(error)
    except Refusal as refusal:
        return refusal.message
    production, obstacle, untold = _production(folder, gates, baseline, judged, made)
    measured = retold(folder, gates, _measured(folder, gates, baseline))
    evidence = Evidence(judged, production, obstacle, rows, measured, units)
    lacking = tuple(_unmeasured(gates, measured, baseline))
    if any(isinstance(lack.rule, Consistent) for lack in lacking):
        ways = compared_at_export(folder)
        evidence = replace(evidence, measured=replace(measured, agreements=ways))
    told = tuple(_as_far_as_told(lack, gates, evidence) for lack in lacking)
    return Reread(evidence, made, untold, told)


def _as_far_as_told(lack: Unmeasured, gates: Gates, evidence: Evidence) -> Unmeasured:
    if not isinstance(lack.rule, Consistent):
        return lack
    return replace(lack, left=refuted(lack.rule, gates, evidence))


def _grouping_rows(folder: Path, gates: Gates, n: int) -> pd.DataFrame:
    columns = grouping_columns(gates)
    if not columns:
        return pd.DataFrame(index=range(n))
    rows = read_columns(folder / "heldout-rows.parquet", columns)
    # A file without any of the columns reads as no rows, which says nothing of its length.
    if rows.columns.empty:
        return pd.DataFrame(index=range(n))
    if len(rows) != n:
        raise Unrecorded("heldout-rows.parquet and heldout.parquet are not of the same rows")
    return rows


def _production(
    folder: Path, gates: Gates, baseline: str, judged: Judged, made: Made
) -> tuple[Judged | None, str, str]:
    """Production's answers, the obstacle of then, or what is missing now."""
    if not baseline:
        return None, "", ""
    try:
        said = read_production(folder, baseline, judged, made)
    except Unrecorded as error:
        asked = any(map(_asks_production, gates.gates))
        return None, str(error), str(error) if asked else ""
    return (None, said, "") if isinstance(said, str) else (said, "", "")


def _alone(rule: Gate) -> Gate | None:
    """What a rule asks apart from production's answers; None when that is nothing."""
    if not _asks_production(rule):
        return rule
    match rule:
        case Fair(most=None, least=None) | Latency(most=None):
            return None
        case Fair():
            return replace(rule, no_worse_by=None)
        case Latency():
            return replace(rule, slower_by=None)
        case _:
            return None


def _asks_production(rule: Gate) -> bool:
    match rule:
        case Against() | Segments(rule=Against()):
            return True
        case Fair():
            return rule.no_worse_by is not None
        case Latency():
            return rule.slower_by is not None
        case _:
            return False


def _measured(folder: Path, gates: Gates, baseline: str) -> Measured:
    try:
        return read_measured(folder, gates, baseline)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Measured()


def _never(unmeasured: Iterable[Unmeasured]) -> Iterator[str]:
    """A line for each reason, with all that was not measured for it."""
    by_why: dict[str, list[str]] = {}
    for lack in unmeasured:
        by_why.setdefault(lack.why, []).append(lack.what)
    for why, names in by_why.items():
        yield f"never measured: {', '.join(dict.fromkeys(names))}; {why}"


def _unmeasured(gates: Gates, found: Measured, baseline: str) -> Iterator[Unmeasured]:
    for rule in gates.gates:
        lack = _untimed(rule, found, baseline) or _unlooked(rule, found)
        if lack is not None:
            yield lack


def _untimed(rule: Gate, found: Measured, baseline: str) -> Unmeasured | None:
    if not isinstance(rule, Latency):
        return None
    if found.timings is None:
        return Unmeasured(rule, "latency", NEEDS_MODEL)
    beside = rule.slower_by is None or not baseline or found.timings.production is not None
    return None if beside else Unmeasured(rule, "latency beside production", NEEDS_MODEL)


def _unlooked(rule: Gate, found: Measured) -> Unmeasured | None:
    match rule:
        case ModelSize() if found.size is None:
            return Unmeasured(rule, "size", NEEDS_FILES)
        case Stable(noise=noise) if found.shaken is None:
            return Unmeasured(rule, f"stability under {noise:.3g} of noise", NEEDS_MODEL)
        case Leakage() if not _looked_for_leaks(rule, found):
            return Unmeasured(rule, "leakage", NEEDS_ROWS)
        case Consistent() if found.agreements is None:
            return Unmeasured(rule, "consistency", NEEDS_MODEL)
        case _:
            return None


def _looked_for_leaks(rule: Leakage, found: Measured) -> bool:
    ranked = rule.single_feature is None or found.ranking is not None
    return ranked and (rule.duplicates is None or found.seen is not None)
