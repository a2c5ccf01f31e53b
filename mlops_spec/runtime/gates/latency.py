"""The time that scoring one row takes: its quantiles against a limit, and against production's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mlops_spec.runtime.declare import Gates, Latency
from mlops_spec.runtime.gates.bounds import Bar, decided
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.unmeasured import unmeasured, within_reach
from mlops_spec.stats.estimate import Estimate, two_sided
from mlops_spec.stats.quantiles import rows_for_bound
from mlops_spec.stats.serial_quantiles import quantile_ratio, serial_quantile, turns_for_ratio
from mlops_spec.terms.measuring import LATENCY_TURNS
from mlops_spec.terms.verdict import Outcome, Verdict

_MS: Final = 1000.0
_ALONE: Final = "order statistics of one-row calls, with the design effect of blocks of them"
_BESIDE: Final = "in turns with production on the same rows, score test of blocks of turns"


def timed(rule: Latency, gates: Gates, evidence: Evidence) -> Iterator[Verdict]:
    """A verdict on the quantile in milliseconds, and one on how much slower than production it is.

    The second is a share: 0.1 for 10 % slower.
    """
    if rule.most is not None:
        yield _within(rule, rule.most, gates, evidence)
    if rule.slower_by is not None and not evidence.is_first:
        yield _beside(rule, rule.slower_by, gates, evidence)


def _within(rule: Latency, most: float, gates: Gates, evidence: Evidence) -> Verdict:
    check = _name(rule)
    timings = evidence.measured.timings
    if timings is None:
        return unmeasured(check, "latency", evidence)
    level = two_sided(gates.confidence)
    found = serial_quantile(timings.candidate * _MS, rule.quantile, level)
    bar = Bar(most * _MS, -1, f"≤ {most * _MS:g} ms")
    verdict = replace(_decided(check, found, bar, gates), method=_ALONE)
    if found.known or verdict.outcome is Outcome.FAIL:
        return verdict
    return replace(verdict, n_enough=rows_for_bound(rule.quantile, gates.confidence))


def _beside(rule: Latency, slower_by: float, gates: Gates, evidence: Evidence) -> Verdict:
    check = f"{_name(rule)} against production"
    timings = evidence.measured.timings
    if evidence.production is None:
        return Verdict(check, Outcome.ERROR, reason=evidence.obstacle)
    if timings is None or timings.production is None:
        return unmeasured(check, "latency", evidence)
    level = two_sided(gates.confidence)
    ratio = quantile_ratio(timings.candidate, timings.production, rule.quantile, level)
    found = replace(ratio, value=ratio.value - 1, low=ratio.low - 1, high=ratio.high - 1)
    bar = Bar(slower_by, -1, f"≤ {slower_by:+.4g}")
    verdict = replace(_decided(check, found, bar, gates), method=_BESIDE)
    before = serial_quantile(timings.production * _MS, rule.quantile, level)
    said = f"production {before.value:.3g} ms, same rows"
    enough = None if found.known else _enough(found, rule)
    return replace(
        verdict,
        n_enough=verdict.n_enough or enough,
        reason="; ".join(filter(None, (verdict.reason, said))),
    )


def _decided(check: str, found: Estimate, bar: Bar, gates: Gates) -> Verdict:
    """Turns are ours to take: the rows that a policy asks for are not meant."""
    return within_reach(decided(check, found, bar, gates, min_rows=1), LATENCY_TURNS, "turns")


def _enough(found: Estimate, rule: Latency) -> int | None:
    needed = turns_for_ratio(rule.quantile)
    return needed if found.n < needed else None


def _name(rule: Latency) -> str:
    return f"latency p{rule.quantile * 100:g}"
