"""Production judged as its own candidate: a gate that promotes it is broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from mlops_spec.runtime.declare import Against, Gates
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.limits import compared
from mlops_spec.runtime.gates.own_metric import is_own
from mlops_spec.runtime.gates.selftest.mutants import Answers, Places, twin
from mlops_spec.runtime.gates.selftest.report import Claim
from mlops_spec.stats.proportions import wilson
from mlops_spec.stats.resample import of_clusters
from mlops_spec.terms.verdict import Outcome

# Twins disagree about as much as two trainings of one recipe: a quarter of the answers' spread.
_APART: Final = 0.25
_MOST_WORLDS: Final = 200
_LEAST_WORLDS: Final = 40
_ROWS_IN_ALL: Final = 3_000_000  # of all worlds together, so that a self-test ends within a minute
_NEVER: Final = "is never promoted for answering as it did"
# A self-test that cries wolf once in a thousand runs.
_SURE: Final = 0.999


def of_itself(gates: Gates, control: Evidence, task: str) -> Iterator[Claim]:
    """What every comparison says of production beside itself, on the very same answers."""
    for rule in _comparisons(gates):
        verdict = compared(rule, gates, control, task)
        passed = verdict.outcome is Outcome.PASS
        relation = "better" if rule.hypothesis != "non_inferiority" else "no worse"
        said = f"is held to be {relation}: {_NEVER}" if passed else _NEVER
        yield Claim(verdict.check, not passed, said)


def of_twins(gates: Gates, control: Evidence, task: str, seed: int) -> Iterator[Claim]:
    """How often a twin, in truth neither better nor worse, passes on rows drawn again.

    For superiority and margin this is the rate of false promotions, which must be within the
    declared error and what so many worlds leave to chance; for non-inferiority it is the power.
    """
    rules = [rule for rule in _comparisons(gates) if not is_own(rule.metric)]
    if not rules:
        return
    n = len(control.candidate.truth)
    worlds = min(max(_ROWS_IN_ALL // (n * len(rules)), _LEAST_WORLDS), _MOST_WORLDS)
    passed = np.zeros(len(rules), dtype=np.int64)
    random = np.random.default_rng(seed)
    for _ in range(worlds):
        twins = _twins(control, task, random)
        verdicts = [compared(rule, gates, twins, task) for rule in rules]
        passed += [verdict.outcome is Outcome.PASS for verdict in verdicts]
    for rule, hits in zip(rules, passed, strict=True):
        yield _rate(rule, int(hits), worlds, 1 - gates.confidence)


def _rate(rule: Against, hits: int, worlds: int, alpha: float) -> Claim:
    check = f"{rule.metric} {rule.hypothesis.replace('_', '-')}"
    said = f"an equal model passes in {hits} of {worlds} worlds"
    if rule.hypothesis == "non_inferiority":
        return Claim(check, True if 2 * hits >= worlds else None, said)
    # Refuted only when the declared error lies below all that the worlds allow.
    least = wilson(hits, worlds, 2 * _SURE - 1).low
    return Claim(check, least <= alpha, f"{said}, {alpha:.3g} is the declared error")


def _twins(control: Evidence, task: str, random: np.random.Generator) -> Evidence:
    rows = control.candidate
    places, drawn_as = _drawn(together(control), len(rows.truth), random)
    drawn = rows.take(places)
    if drawn.group is not None:
        # A list that is drawn twice is two lists.
        _, lists = np.unique(drawn.group, return_inverse=True)
        drawn = replace(drawn, group=drawn_as * (int(lists.max(initial=0)) + 1) + lists)
    answers = Answers(drawn, np.arange(len(places)), task)
    first, second = (twin(answers, _APART, random) for _ in range(2))
    return Evidence(first, second, units=control.units and of_clusters(drawn_as))


def together(control: Evidence) -> Places | None:
    """The unit of each row: by the policy, or the list that it is ranked in; None: each alone."""
    if control.units is not None and control.units.of_row is not None:
        return control.units.of_row
    if control.candidate.group is None:
        return None
    return np.unique(control.candidate.group, return_inverse=True)[1].astype(np.int64)


def _drawn(unit: Places | None, n: int, random: np.random.Generator) -> tuple[Places, Places]:
    """Rows drawn with replacement, whole units where there are; and the draw each came with."""
    if unit is None:
        return random.integers(0, n, n), np.arange(n)
    order, sizes = np.argsort(unit, kind="stable"), np.bincount(unit)
    of_unit = np.split(order, np.cumsum(sizes)[:-1])
    drawn = [of_unit[one] for one in random.integers(0, len(sizes), len(sizes))]
    draws = np.repeat(np.arange(len(drawn)), [len(rows) for rows in drawn])
    return np.concatenate(drawn).astype(np.int64), draws


def _comparisons(gates: Gates) -> tuple[Against, ...]:
    return tuple(rule for rule in gates.gates if isinstance(rule, Against))
