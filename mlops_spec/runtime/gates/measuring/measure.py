"""What gates ask for and nobody has measured yet, measured now and recorded with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Consistent, Gate, Gates, Latency, Leakage, ModelSize, Stable
from mlops_spec.runtime.gates.measured import (
    Kind,
    Measured,
    Size,
    needs_production,
    read_measured,
)
from mlops_spec.runtime.gates.measuring import records
from mlops_spec.runtime.gates.measuring.subject import Subject
from mlops_spec.runtime.refusal import Refusal, gist
from mlops_spec.stats.quantiles import rows_for_bound
from mlops_spec.stats.serial_quantiles import turns_for_ratio

Work = Callable[[], dict[str, Any]]


def measure(context: Context, gates: Gates, run: str, baseline: str) -> Measured:
    """All that the rules need of a run, measured where it is not recorded yet.

    `baseline` is the run that production serves, "" for a first model. What cannot be measured is
    an obstacle, with the reason; the next gate tries again.
    """
    measuring = _Measuring(context, gates, run, baseline)
    found = read_measured(context.workspace.run(run), gates, baseline)
    obstacles: dict[Kind, str] = {}
    for rule in gates.gates:
        for kind, work in measuring.lacking(rule, found):
            try:
                found = replace(found, **work())
            # A model may be anybody's: whatever it raises becomes the verdict's reason.
            except Exception as error:
                obstacles[kind] = _said(error)
    return replace(found, obstacles={**measuring.obstacles, **obstacles})


def _said(error: Exception) -> str:
    match error:
        case Refusal():
            return error.message
        case _:
            return f"{type(error).__name__}: {gist(error)}"


class _Measuring:
    """The work on one run. Imports follow the rules: no rule, no library."""

    def __init__(self, context: Context, gates: Gates, run: str, baseline: str) -> None:
        self._gates = gates
        self._baseline = baseline if needs_production(gates) else ""
        self._subject = Subject(context, run)
        self._place: Path = context.workspace.run(run) / records.FOLDER
        self.obstacles: dict[Kind, str] = {}

    def lacking(self, rule: Gate, found: Measured) -> Iterator[tuple[Kind, Work]]:
        """What a rule needs and was not found."""
        match rule:
            case Latency() if found.timings is None:
                yield "latency", self._timings
            case ModelSize() if found.size is None:
                yield "size", self._size
            case Stable() if found.shaken is None:
                yield "stability", lambda: self._shaken(rule.noise)
            case Leakage():
                if rule.single_feature is not None and found.ranking is None:
                    yield "leakage", self._ranking
                if rule.duplicates is not None and found.seen is None:
                    yield "leakage", self._seen
            case Consistent() if found.agreements is None:
                yield "consistency", self._agreements
            case _:
                return

    def _timings(self) -> dict[str, Any]:
        from mlops_spec.runtime.gates.measuring.turns import timings

        needed = _turns(self._gates, self._baseline)
        if self._baseline:
            production = Subject(self._subject.context, self._baseline)
            try:
                found = timings(self._subject, production, needed)
            # The candidate may still be timed alone; if it is to blame, that fails too.
            except Exception as error:
                self.obstacles["latency"] = _said(error)
            else:
                records.write_timings(self._place, self._baseline, found)
                return {"timings": found}
            alone = records.timings(self._place, "")
            if alone is not None:
                return {"timings": alone}
        found = timings(self._subject, None, needed)
        records.write_timings(self._place, "", found)
        return {"timings": found}

    def _size(self) -> dict[str, Any]:
        folder = self._subject.portable
        if not folder.is_dir():
            raise Refusal("MLS602", f"{folder} is gone", "train it again")
        found = Size(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
        records.write_size(self._place, found)
        return {"size": found}

    def _shaken(self, noise: float) -> dict[str, Any]:
        from mlops_spec.runtime.gates.measuring.noise import shaken

        found = shaken(self._subject, noise)
        records.write_shaken(self._place, found)
        return {"shaken": found}

    def _ranking(self) -> dict[str, Any]:
        from mlops_spec.runtime.gates.measuring.ranking import ranking

        found = ranking(self._subject)
        records.write_ranking(self._place, found)
        return {"ranking": found}

    def _seen(self) -> dict[str, Any]:
        from mlops_spec.runtime.gates.measuring.repeats import seen

        found = seen(self._subject)
        records.write_seen(self._place, found)
        return {"seen": found}

    def _agreements(self) -> dict[str, Any]:
        from mlops_spec.runtime.gates.measuring.parity import agreements

        found = agreements(self._subject)
        records.write_agreements(self._place, found)
        return {"agreements": found}


def _turns(gates: Gates, baseline: str) -> int:
    """The fewest turns that can decide every latency that is asked."""
    asked = [rule for rule in gates.gates if isinstance(rule, Latency)]
    alone = [rows_for_bound(r.quantile, gates.confidence) for r in asked if r.most is not None]
    beside = [turns_for_ratio(r.quantile) for r in asked if r.slower_by is not None and baseline]
    return max([1, *alone, *beside])
