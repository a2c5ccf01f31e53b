"""Gates: metrics that exist, limits that can be met, a margin that means one thing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlops_spec.diagnostics import Diagnostics, Span, did_you_mean
from mlops_spec.diagnostics.catalogue import (
    AMBIGUOUS_MARGIN,
    EMPTY_LIMIT,
    LIMITS_CROSS,
    MARGIN_MISFIT,
    METRIC_NOT_FOR_TASK,
    NO_GATE,
)
from mlops_spec.link.merge import merge
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.gates import Comparison, GatesSpec, Limit
from mlops_spec.terms.metrics import METRICS, PRIMARY

# Below zero: worse than a constant prediction. What a function of the user's may be is not known.
_FROM_ZERO: Final = METRICS.keys() - {"r2", "skill", "matthews_corrcoef", "cohen_kappa"}
_PARTS: Final = ("metrics", "production")


def metrics_exist(scope: Scope, found: Diagnostics) -> None:
    """MLS306: a metric's name is scikit-learn's; a function of the user's has a dotted path."""
    for document in scope.of(GatesSpec):
        for loc, name in _metrics(document.spec):
            if name not in METRICS and name != "primary" and "." not in name:
                message, help = f"no metric is named {name!r}", did_you_mean(name, METRICS)
                found.add(METRIC_NOT_FOR_TASK, message, at=_at(document, loc), help=help)


def segments_take_metrics_by_name(scope: Scope, found: Diagnostics) -> None:
    """MLS306: groups are judged together, which takes the influence of each row on the metric."""
    for document in scope.of(GatesSpec):
        for segment, spec in document.spec.segments.items():
            if "." in spec.metric:
                found.add(
                    METRIC_NOT_FOR_TASK,
                    f"{spec.metric} is a function of yours, which segments do not take",
                    at=document.places.value("segments", segment, "metric"),
                    help="name a metric here; a function may stand in `metrics` and `production`",
                )


def metrics_fit_the_task(scope: Scope, found: Diagnostics) -> None:
    """MLS306: a regression has no ROC curve."""
    for one in scope.resolved:
        task = one.model.spec.task
        fitting = [name for name, metric in METRICS.items() if task in metric.tasks]
        for document in one.gates:
            for loc, name in _metrics(document.spec):
                if name in METRICS and task not in METRICS[name].tasks:
                    found.add(
                        METRIC_NOT_FOR_TASK,
                        f"{name} is not for {task}, which the model {one.model.spec.name!r} is",
                        at=_at(document, loc),
                        help=f"for {task}: {', '.join(fitting)}",
                    )


def _metrics(spec: GatesSpec) -> Iterator[tuple[Loc, str]]:
    for part in _PARTS:
        for name in getattr(spec, part):
            yield (part, name), name
    for name, segment in spec.segments.items():
        yield ("segments", name, "metric"), segment.metric


def _at(document: Document[GatesSpec], loc: Loc) -> Span:
    """Where the metric's name stands: as a key, or in `segments` as a value."""
    places = document.places
    return places.value(*loc) if loc[0] == "segments" else places.key(*loc)


def limits_say_something(scope: Scope, found: Diagnostics) -> None:
    """MLS314: a metric without min and max decides nothing."""
    for document, name, limit in _limits(scope):
        if limit.min is None and limit.max is None:
            metric = METRICS.get(PRIMARY["binary"] if name == "primary" else name)
            end = "max" if metric and not metric.more_is_better else "min"
            message = f"the limit on {name} has neither min nor max"
            at = document.places.key("metrics", name)
            found.add(EMPTY_LIMIT, message, at=at, help=f"write {name}: {{{end}: …}}")


def limits_can_be_met(scope: Scope, found: Diagnostics) -> None:
    """MLS313: min below max, and neither beyond what the metric can be."""
    for document, name, limit in _limits(scope):
        at = document.places.value("metrics", name, "min")
        if limit.min is not None and limit.max is not None and limit.min > limit.max:
            message = f"min is {limit.min}, above max, which is {limit.max}"
            found.add(LIMITS_CROSS, message, at=at)
        elif limit.min is not None and limit.min > 1 and _is_share(name):
            message = f"min is {limit.min}, but {name} is never above 1"
            found.add(LIMITS_CROSS, message, at=at, help="0.7 stands for 70%")
        elif limit.max is not None and limit.max < 0 and name in _FROM_ZERO:
            message = f"max is {limit.max}, but {name} is never below 0"
            at = document.places.value("metrics", name, "max")
            found.add(LIMITS_CROSS, message, at=at, help="write the largest value that may pass")


def _limits(scope: Scope) -> Iterator[tuple[Document[GatesSpec], str, Limit]]:
    for document in scope.of(GatesSpec):
        for name, limit in document.spec.metrics.items():
            yield document, name, limit


def margins_fit_their_hypothesis(scope: Scope, found: Diagnostics) -> None:
    """MLS315: `margin` and `non_inferiority` need one; `superiority` has none."""
    for document, name, comparison in _comparisons(scope):
        kind, margin = comparison.hypothesis, comparison.margin
        if kind == "superiority" and margin is not None:
            found.add(
                MARGIN_MISFIT,
                "superiority means better at all, and takes no margin",
                at=document.places.key("production", name, "margin"),
                help="remove it, or write hypothesis: margin for better by more than it",
            )
        elif kind != "superiority" and margin is None:
            found.add(
                MARGIN_MISFIT,
                f"{kind} on {name} has no margin",
                at=document.places.value("production", name, "hypothesis"),
                help="write margin: 2% (relative) or margin: 0.5pp (in points)",
            )


def margins_mean_one_thing(scope: Scope, found: Diagnostics) -> None:
    """MLS307: 0.03 of an AUC may be 3 % of it or 3 points; points of an amount are nothing."""
    for document, name, comparison in _comparisons(scope):
        margin = comparison.margin
        if margin is None or (name not in METRICS and name != "primary"):
            continue
        at = document.places.value("production", name, "margin")
        if margin.unit == "" and _is_share(name):
            relative = f"{margin.value * 100:.6g}"
            message = f"a margin of {margin} on {name} could be {relative}% of it or {relative}pp"
            found.add(AMBIGUOUS_MARGIN, message, at=at, help=f"write {relative}% or {relative}pp")
        elif margin.unit == "pp" and not _is_share(name):
            message = f"{name} is not a share, so that a margin in points means nothing"
            help = "write a relative margin (2%), or a number in the metric's own unit"
            found.add(AMBIGUOUS_MARGIN, message, at=at, help=help)


def _comparisons(scope: Scope) -> Iterator[tuple[Document[GatesSpec], str, Comparison]]:
    for document in scope.of(GatesSpec):
        for name, comparison in document.spec.production.items():
            yield document, name, comparison


def _is_share(name: str) -> bool:
    # `primary` stands for a share in two tasks of three: there a bare number is ambiguous too.
    return name == "primary" or (name in METRICS and METRICS[name].share)


def models_have_a_gate(scope: Scope, found: Diagnostics) -> None:
    """MLS308: something must be able to say no before there is a production to compare with."""
    for one in scope.resolved:
        spec = one.model.spec
        gates = merge(spec.name, (policy.spec for policy in one.gates), spec.task)
        if not gates.metrics:
            found.add(
                NO_GATE,
                f"nothing can refuse the first version of {spec.name!r}: its gates set no limit",
                at=one.model.places.value("gates"),
                help="put `standard` first, or give one of its Gates a limit under `metrics`",
            )


RULES: Final = (
    metrics_exist,
    metrics_fit_the_task,
    segments_take_metrics_by_name,
    limits_say_something,
    limits_can_be_met,
    margins_fit_their_hypothesis,
    margins_mean_one_thing,
    models_have_a_gate,
)
