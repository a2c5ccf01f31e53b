"""What a gate saw of the data and of production, left where `spec validate` looks for it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Against, Fair, Gates, Latency, Segments
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.groups import grouped, lacking
from mlops_spec.runtime.train.facts import FACTS, MOST_GROUPS, counted
from mlops_spec.stats.estimate import two_sided, z_two_sided
from mlops_spec.terms.digest import finite
from mlops_spec.terms.facts import crossed
from mlops_spec.terms.verdict import Verdict


def record_facts(
    context: Context, gates: Gates, run: str, evidence: Evidence, verdicts: tuple[Verdict, ...]
) -> None:
    """Write `facts/<model>.json` of the workspace; nothing for a run that left no counts."""
    base = context.workspace.run(run) / FACTS
    if not base.exists():
        return
    found = json.loads(base.read_text(encoding="utf-8"))
    counted_already = {tuple(one["by"]) for one in found["groups"]}
    found["groups"] += list(_crossed(gates, evidence, counted_already))
    found["disagreement"] = _disagreement(evidence)
    found["deviations"] = dict(_deviations(gates, evidence, verdicts))
    found["slowness"] = dict(_slowness(gates, verdicts))
    _write(context.workspace.facts(context.model), finite(found))


def _crossed(
    gates: Gates, evidence: Evidence, seen: set[tuple[str, ...]]
) -> Iterator[dict[str, Any]]:
    """The groups that rules judge, beyond the columns that were counted at evaluation."""
    judged = evidence.candidate
    positive = None if judged.positive is None else judged.is_positive
    for rule in gates.gates:
        if not isinstance(rule, Segments | Fair):
            continue
        by = crossed(rule.by, rule.cuts)
        if by in seen or lacking(evidence.rows, rule.by):
            continue
        seen.add(by)
        groups = grouped(evidence.rows, rule.by, rule.cuts)
        if len(groups.rows) <= MOST_GROUPS**2:
            names = [groups.name(place) for place in range(len(groups.rows))]
            yield {"by": list(by), "values": counted(groups.of_row, names, positive)}


def _disagreement(evidence: Evidence) -> float | None:
    """The share of rows that candidate and production decided differently; of classes only."""
    candidate, production = evidence.candidate, evidence.production
    if production is None or candidate.decided.dtype.kind == "f":
        return None
    return float(np.mean(candidate.decided != production.decided))


def _deviations(
    gates: Gates, evidence: Evidence, verdicts: tuple[Verdict, ...]
) -> Iterator[tuple[str, float]]:
    """The standard error of each compared metric's difference, times √rows, from its interval."""
    by_check = {verdict.check: verdict for verdict in verdicts}
    for rule in gates.gates:
        if isinstance(rule, Against):
            check = f"{rule.metric} {rule.hypothesis.replace('_', '-')}"
            error = _error(by_check.get(check), gates)
            if error is not None:
                yield rule.metric, error * math.sqrt(len(evidence.candidate.truth))


def _slowness(gates: Gates, verdicts: tuple[Verdict, ...]) -> Iterator[tuple[str, float]]:
    """The standard error of each ratio of the latencies of candidate and production."""
    by_check = {verdict.check: verdict for verdict in verdicts}
    for rule in gates.gates:
        if isinstance(rule, Latency) and rule.slower_by is not None:
            quantile = f"p{rule.quantile * 100:g}"
            error = _error(by_check.get(f"latency {quantile} against production"), gates)
            if error is not None:
                yield quantile, error


def _error(verdict: Verdict | None, gates: Gates) -> float | None:
    """The standard error behind a verdict's interval; None where it has none, or no width."""
    if verdict is None or verdict.low is None or verdict.high is None:
        return None
    error = (verdict.high - verdict.low) / 2 / z_two_sided(two_sided(gates.confidence))
    return error if 0 < error < math.inf else None


def _write(path: Path, found: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    unfinished.replace(path)
