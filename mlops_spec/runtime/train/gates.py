"""The step `gate`: verdicts on a run, from its recorded answers and those of production's model."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, replace
from typing import Final

from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates, Recipe
from mlops_spec.runtime.refusal import Refusal, gist
from mlops_spec.runtime.train.baseline import baseline_of
from mlops_spec.runtime.train.evaluation import (
    heldout_answers,
    heldout_rows,
    judged_rows,
    recorded_predictions,
)
from mlops_spec.runtime.train.fitted import FittedModel, load_pipeline
from mlops_spec.stats.estimate import Estimate, two_sided
from mlops_spec.stats.metrics import Judged, difference, estimate
from mlops_spec.terms.keys import gate_key
from mlops_spec.terms.metrics import METRICS
from mlops_spec.terms.verdict import Outcome, Verdict, worst


@dataclass(frozen=True, slots=True)
class Evidence:
    """Truth and answers on the same held-out rows; of production's model too, or why not."""

    candidate: Judged
    production: Judged | None
    obstacle: str = ""


def gate(context: Context, gates: Gates, recipe: Recipe, run: str) -> Output:
    """Step `gate`: `verdicts`, `outcome`, `baseline` (a run or ""), `first_model`.

    Every verdict must pass, each at its full confidence: an intersection-union test needs no
    correction for several gates. What an inconclusive outcome leads to is the caller's to say.
    """
    baseline = baseline_of(context, run)
    key = gate_key(run, context.facets, baseline)
    return context.step("gate", key, run, lambda _: _gate(context, gates, recipe, run, baseline))


def _gate(context: Context, gates: Gates, recipe: Recipe, run: str, baseline: str) -> Output:
    evidence = _evidence(context, run, baseline)
    verdicts = decide(gates, evidence, recipe.task)
    output = {
        "outcome": worst(verdict.outcome for verdict in verdicts).value,
        "verdicts": [verdict.to_json() for verdict in verdicts],
        "baseline": baseline,
        "first_model": not baseline,
    }
    path = context.workspace.run(run) / "verdicts.json"
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(output, indent=2, ensure_ascii=False))
    unfinished.replace(path)
    return output


def _evidence(context: Context, run: str, baseline: str) -> Evidence:
    candidate = load_pipeline(context, run)
    answers = heldout_answers(context, run)
    judged = judged_rows(answers["label"], recorded_predictions(answers), candidate.labels)
    if not baseline:
        return Evidence(judged, None)
    try:
        production = load_pipeline(context, baseline)
    except Refusal as refusal:
        return Evidence(judged, None, f"production's model cannot be loaded: {refusal.message}")
    rows = heldout_rows(context, run)
    obstacle = _why_not(production, candidate, set(rows.columns))
    if obstacle:
        return Evidence(judged, None, obstacle)
    try:
        said = production.predict(rows)
    except (Refusal, ValueError, TypeError) as error:
        return Evidence(judged, None, f"production cannot score these rows: {gist(error)}")
    return Evidence(judged, judged_rows(answers["label"], said, production.labels))


def _why_not(production: FittedModel, candidate: FittedModel, columns: set[str]) -> str:
    """Why production's model cannot be judged on the candidate's rows; "" when it can."""
    if production.recipe.task != candidate.recipe.task:
        return f"production is a {production.recipe.task} model"
    if production.dataset.label != candidate.dataset.label:
        return f"production predicts {production.dataset.label!r}"
    if production.labels != candidate.labels:
        return "production was trained on other label values"
    gone = [name for name in production.recipe.features if name not in columns]
    if gone:
        return (
            f"production needs the column {gone[0]!r}, which the rows no longer have; keep it in "
            "`columns` until a model without it is in production"
        )
    return _retyped(production, candidate)


def _retyped(production: FittedModel, candidate: FittedModel) -> str:
    """A feature that both have, and that means another thing now. All numbers are read alike."""
    for column in candidate.dataset.columns:
        if column.name not in production.recipe.features:
            continue
        before = production.dataset.column(column.name).type
        if before != column.type and not {before, column.type} <= {"float", "integer", "boolean"}:
            return (
                f"production was trained on {column.name!r} as {before}, which is {column.type} "
                "now; give the new column another name, and keep both for a while"
            )
    return ""


def decide(gates: Gates, evidence: Evidence, task: str) -> tuple[Verdict, ...]:
    """A verdict for every gate that applies. Without production, comparisons do not apply."""
    judge = _Judge(gates, evidence, task)
    verdicts = tuple(
        judge.verdict(rule)
        for rule in gates.gates
        if not (isinstance(rule, Against) and judge.is_first)
    )
    if not any(isinstance(rule, AtLeast | AtMost) for rule in gates.gates):
        nothing = Verdict(
            "limits", Outcome.NO_DATA, reason="no gate has a limit of its own; add one to `metrics`"
        )
        return (*verdicts, nothing)
    return verdicts


@dataclass(frozen=True, slots=True)
class _Judge:
    gates: Gates
    evidence: Evidence
    task: str

    @property
    def is_first(self) -> bool:
        return self.evidence.production is None and not self.evidence.obstacle

    @property
    def level(self) -> float:
        return two_sided(self.gates.confidence)

    def verdict(self, rule: AtLeast | AtMost | Against) -> Verdict:
        check = _name(rule)
        metric = METRICS.get(rule.metric)
        if metric is None or self.task not in metric.tasks:
            reason = f"{rule.metric} is not a metric of a {self.task} model"
            return Verdict(check, Outcome.ERROR, reason=reason)
        match rule:
            case AtLeast():
                found = estimate(rule.metric, self.evidence.candidate, self.level)
                return self._limited(check, found, rule.limit, 1)
            case AtMost():
                found = estimate(rule.metric, self.evidence.candidate, self.level)
                return self._limited(check, found, rule.limit, -1)
            case Against():
                return self._compared(check, rule)

    def _limited(self, check: str, found: Estimate, limit: float, sign: int) -> Verdict:
        shown = f"{'≥' if sign > 0 else '≤'} {limit:g}"
        return self._decided(check, found, limit, sign, shown)

    def _compared(self, check: str, rule: Against) -> Verdict:
        production = self.evidence.production
        if production is None:
            return Verdict(check, Outcome.ERROR, reason=self.evidence.obstacle)
        candidate, sign = self.evidence.candidate, 1 if METRICS[rule.metric].more_is_better else -1
        gain = difference(rule.metric, candidate, production, self.level)
        before = estimate(rule.metric, production, self.level)
        margin = rule.margin * abs(before.value) if rule.unit == "%" else rule.margin
        limit = sign * _DIRECTION[rule.hypothesis] * margin
        shown = f"Δ {'>' if sign > 0 else '<'} {limit:+.4g}"
        decided = self._decided(check, gain, limit, sign, shown, strict=True)
        return replace(
            decided, reason=_joined(decided.reason, f"production {before.value:.4g}, same rows")
        )

    def _decided(
        self,
        check: str,
        found: Estimate,
        limit: float,
        sign: int,
        shown: str,
        *,
        strict: bool = False,
    ) -> Verdict:
        outcome, reason = self._outcome(found, limit, sign, strict=strict)
        known = found.known
        return Verdict(
            check,
            outcome,
            found.value if known else None,
            found.low if known else None,
            found.high if known else None,
            found.n,
            shown,
            reason,
            found.rows_to_decide(limit) if outcome is Outcome.INCONCLUSIVE else None,
        )

    def _outcome(
        self, found: Estimate, limit: float, sign: int, *, strict: bool
    ) -> tuple[Outcome, str]:
        if found.n < self.gates.min_rows:
            return Outcome.NO_DATA, f"{self.gates.min_rows} rows are the least"
        if not found.known or math.isnan(limit):
            return Outcome.NO_DATA, "these rows do not define it"
        if self.gates.decide_on == "point":
            good = _clears(found.value, limit, sign, strict=strict)
            return (Outcome.PASS if good else Outcome.FAIL), "decided on the point estimate"
        worst_case, best_case = (found.low, found.high) if sign > 0 else (found.high, found.low)
        if _clears(worst_case, limit, sign, strict=strict):
            return Outcome.PASS, ""
        if not _clears(best_case, limit, sign, strict=strict):
            return Outcome.FAIL, ""
        return Outcome.INCONCLUSIVE, "the interval holds the limit"


# superiority: gain > 0. margin: gain > margin. non_inferiority: gain > -margin.
_DIRECTION: Final = {"superiority": 0, "margin": 1, "non_inferiority": -1}


def _clears(value: float, limit: float, sign: int, *, strict: bool) -> bool:
    """Whether a value is on the good side of the limit. A difference must be beyond it."""
    distance = sign * (value - limit)
    return distance > 0 if strict else distance >= 0


def _name(rule: AtLeast | AtMost | Against) -> str:
    match rule:
        case AtLeast() | AtMost():
            return rule.metric
        case Against():
            return f"{rule.metric} {rule.hypothesis.replace('_', '-')}"


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
