"""The step `gate`: verdicts on a run, from recorded evidence and what is measured now."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.declare import Against, AtLeast, AtMost, Gates, Recipe, Segments
from mlops_spec.runtime.gates.budget import candidates_on, held_out_digest, spent
from mlops_spec.runtime.gates.collect import collect
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.facts import record_facts
from mlops_spec.runtime.train.baseline import baseline_of
from mlops_spec.terms.keys import gate_key
from mlops_spec.terms.metric_code import metric_code
from mlops_spec.terms.verdict import worst


def gate(context: Context, gates: Gates, recipe: Recipe, run: str) -> Output:
    """Step `gate`: `verdicts`, `outcome`, `baseline` (a run or ""), `first_model`, `held_out`,
    and `code`, which stands for the code of the policy's own metrics.

    Every verdict must pass, each at its full confidence: an intersection-union test needs no
    correction for several gates. What an inconclusive outcome leads to is the caller's to say.
    """
    baseline = baseline_of(context, run)
    code = metric_code(_metrics(gates), context.root)
    key = gate_key(run, context.facets, baseline, code)

    def work(_: object) -> Output:
        return {**_gate(context, gates, recipe, run, baseline), "code": code}

    return context.step("gate", key, run, work)


def _metrics(gates: Gates) -> Iterator[str]:
    for rule in gates.gates:
        asked = rule.rule if isinstance(rule, Segments) else rule
        if isinstance(asked, AtLeast | AtMost | Against):
            yield asked.metric


def _gate(context: Context, gates: Gates, recipe: Recipe, run: str, baseline: str) -> Output:
    evidence = collect(context, gates, run, baseline)
    held_out = held_out_digest(context, run)
    judged = candidates_on(context, held_out, run)
    verdicts = (*decide(gates, evidence, recipe.task), *spent(gates, judged))
    record_facts(context, gates, run, evidence, verdicts)
    output = {
        "outcome": worst(verdict.outcome for verdict in verdicts).value,
        "verdicts": [verdict.to_json() for verdict in verdicts],
        "baseline": baseline,
        "first_model": not baseline,
        "held_out": held_out,
    }
    path = context.workspace.run(run) / "verdicts.json"
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(output, indent=2, ensure_ascii=False))
    unfinished.replace(path)
    return output
