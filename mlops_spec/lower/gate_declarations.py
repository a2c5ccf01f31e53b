"""A merged Gates policy as calls of the dataclasses that the train flow imports.

Rules come in order of their kind, then of their name, so that the order in a spec means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlops_spec.lower.declarations import call, given
from mlops_spec.model.plan import Call
from mlops_spec.model.spec.gates import (
    Comparison,
    Disparity,
    Fairness,
    GatesSpec,
    LatencyLimit,
    Limit,
    MetricLimit,
    Segments,
)
from mlops_spec.model.units import Margin
from mlops_spec.terms.metrics import PRIMARY

_MEASURES: Final = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equalized_odds_difference",
)


def gates(spec: GatesSpec, task: str) -> Call:
    """`Gates(…)`: a rule for every limit of the policy."""
    return call(
        "Gates",
        gates=(
            *_limits(spec.metrics, task),
            *_comparisons(spec.production, task),
            *_segments(spec.segments, task),
            *_fairness(spec.fairness),
            *_calibration(spec.calibration),
            *_latency(spec.latency),
            *_artifact(spec),
        ),
        **given(
            confidence=spec.confidence.value if spec.confidence else None,
            decide_on=spec.decide_on,
            min_rows=spec.min_rows,
            on_inconclusive=spec.on_inconclusive,
            cluster=spec.cluster,
            blocks=spec.blocks.seconds if spec.blocks else None,
            evaluation_budget=spec.evaluation_budget,
        ),
    )


def _limits(metrics: Mapping[str, MetricLimit], task: str) -> Iterator[Call]:
    for name, limit in _by_metric(metrics, task):
        yield from _ends(name, limit, limit.of)


def _ends(metric: str, limit: Limit | Segments, of: str | None = None) -> Iterator[Call]:
    if limit.min is not None:
        yield call("AtLeast", metric=metric, limit=float(limit.min), **given(of=of))
    if limit.max is not None:
        yield call("AtMost", metric=metric, limit=float(limit.max), **given(of=of))


def _comparisons(production: Mapping[str, Comparison], task: str) -> Iterator[Call]:
    for name, comparison in _by_metric(production, task):
        yield _against(name, comparison.hypothesis, comparison.margin, comparison)


def _against(
    metric: str, hypothesis: str, margin: Margin | None, comparison: Comparison | None = None
) -> Call:
    stated = {"margin": margin.value, "unit": margin.unit} if margin else {}
    own = given(better=comparison.better, of=comparison.of) if comparison else {}
    return call("Against", metric=metric, hypothesis=hypothesis, **stated, **own)


def _segments(segments: Mapping[str, Segments], task: str) -> Iterator[Call]:
    for name, spec in sorted(segments.items()):
        for rule in _segment_rules(spec, PRIMARY[task]):
            yield call(
                "Segments",
                name=name,
                by=spec.by,
                rule=rule,
                require=spec.require,
                min_rows=spec.min_rows,
                **given(cuts=_cuts(spec.cuts)),
            )


def _segment_rules(spec: Segments, primary: str) -> Iterator[Call]:
    metric = primary if spec.metric == "primary" else spec.metric
    yield from _ends(metric, spec)
    if spec.hypothesis is not None:
        yield _against(metric, spec.hypothesis, spec.margin)


def _cuts(cuts: Mapping[str, tuple[float | int, ...]]) -> dict[str, tuple[float, ...]] | None:
    return {name: tuple(map(float, cuts[name])) for name in sorted(cuts)} or None


def _fairness(fairness: Mapping[str, Fairness]) -> Iterator[Call]:
    for name, spec in sorted(fairness.items()):
        for measure in _MEASURES:
            limit: Disparity | None = getattr(spec, measure)
            if limit is not None:
                yield call(
                    "Fair",
                    name=name,
                    by=spec.by,
                    measure=measure,
                    min_rows=spec.min_rows,
                    **given(
                        most=_number(limit.max),
                        least=_number(limit.min),
                        no_worse_by=limit.no_worse_by.value if limit.no_worse_by else None,
                        cuts=_cuts(spec.cuts),
                    ),
                )


def _calibration(calibration: Mapping[Any, Limit]) -> Iterator[Call]:
    for measure, limit in sorted(calibration.items()):
        ends = given(least=_number(limit.min), most=_number(limit.max))
        yield call("Calibrated", measure=measure, **ends)


def _latency(latency: Mapping[Any, LatencyLimit]) -> Iterator[Call]:
    for quantile, limit in sorted(latency.items()):
        yield call(
            "Latency",
            quantile=int(quantile.removeprefix("p")) / 100,
            **given(
                most=limit.max.seconds if limit.max else None,
                slower_by=limit.slower_by.value if limit.slower_by else None,
            ),
        )


def _artifact(spec: GatesSpec) -> Iterator[Call]:
    """Rules on the model itself."""
    if spec.size is not None:
        yield call("ModelSize", most=spec.size.max.count)
    if spec.stability is not None:
        noise, most = spec.stability.noise.value, spec.stability.changed.max.value
        yield call("Stable", noise=noise, most=most)
    if spec.leakage is not None:
        single, duplicates = spec.leakage.single_feature, spec.leakage.duplicates
        yield call(
            "Leakage",
            single_feature=_number(single.max) if single else None,
            duplicates=duplicates.max.value if duplicates else None,
        )
    if spec.consistency is not None:
        difference, changed = spec.consistency.difference, spec.consistency.changed
        yield call(
            "Consistent",
            difference=_number(difference.max) if difference else None,
            changed=changed.max.value if changed else None,
        )


def _number(value: float | int | None) -> float | None:
    return None if value is None else float(value)


def _by_metric(by_name: Mapping[str, Any], task: str) -> list[tuple[str, Any]]:
    """In order of metric; `primary` is the task's own, where that one is not named itself."""
    primary = PRIMARY[task]
    named = {primary if name == "primary" else name: found for name, found in by_name.items()}
    return sorted({**named, **{n: f for n, f in by_name.items() if n != "primary"}}.items())
