"""Metrics that are functions of the user's, and the rows of a policy that go together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mlops_spec.diagnostics import Diagnostics, did_you_mean
from mlops_spec.diagnostics.catalogue import OWN_METRIC_MISFIT, UNKNOWN_COLUMN
from mlops_spec.link.scope import Scope
from mlops_spec.model.names import DOTTED_PATTERN
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.gates import Comparison, GatesSpec, MetricLimit

_DOTTED: Final = re.compile(DOTTED_PATTERN)


def functions_have_dotted_paths(scope: Scope, found: Diagnostics) -> None:
    """MLS325: `package.module.function`, as Python imports it."""
    for document, (part, name), _ in _entries(scope):
        if "." in name and not _DOTTED.match(name):
            found.add(
                OWN_METRIC_MISFIT,
                f"{name!r} is neither a metric nor the dotted path of a function",
                at=document.places.key(part, name),
                help="write package.module.function, as Python imports it",
            )


def named_metrics_need_no_words(scope: Scope, found: Diagnostics) -> None:
    """MLS325: what a metric by name is given, and which way is better, is known."""
    for document, (part, name), entry in _entries(scope):
        for word in ("of", "better"):
            if "." not in name and getattr(entry, word, None) is not None:
                found.add(
                    OWN_METRIC_MISFIT,
                    f"`{word}` is for a function of yours; {name} is a metric by name",
                    at=document.places.key(part, name, word),
                    help="remove it",
                )


def functions_say_which_way_is_better(scope: Scope, found: Diagnostics) -> None:
    """MLS325: a comparison has a good side."""
    for document, (part, name), entry in _entries(scope):
        if "." in name and isinstance(entry, Comparison) and entry.better is None:
            found.add(
                OWN_METRIC_MISFIT,
                f"nothing says whether more or less of {name} is better",
                at=document.places.key(part, name),
                help="write better: more or better: less",
            )


def _entries(
    scope: Scope,
) -> Iterator[tuple[Document[GatesSpec], tuple[str, str], MetricLimit | Comparison]]:
    for document in scope.of(GatesSpec):
        for name, limit in document.spec.metrics.items():
            yield document, ("metrics", name), limit
        for name, comparison in document.spec.production.items():
            yield document, ("production", name), comparison


def rows_go_together_by_declared_columns(scope: Scope, found: Diagnostics) -> None:
    """MLS303: `cluster` is a column of the model's Dataset, `blocks` are of its time."""
    for one in scope.resolved:
        dataset, model = one.dataset.spec, one.model.spec.name
        for document in one.gates:
            cluster, at = document.spec.cluster, document.places
            if cluster is not None and cluster not in dataset.columns:
                found.add(
                    UNKNOWN_COLUMN,
                    f"the Dataset {dataset.name!r} of {model!r} has no column {cluster!r}",
                    at=at.value(*_CLUSTER),
                    help=did_you_mean(cluster, dataset.columns),
                )
            # A split by time without one is MLS312 already.
            timeless = dataset.time is None and dataset.split.by != "time"
            if document.spec.blocks is not None and timeless:
                found.add(
                    UNKNOWN_COLUMN,
                    f"`blocks` are stretches of time; the Dataset {dataset.name!r} has no `time`",
                    at=at.value(*_BLOCKS),
                    help="name a timestamp column as the Dataset's `time`, or remove `blocks`",
                )


_CLUSTER: Final[Loc] = ("cluster",)
_BLOCKS: Final[Loc] = ("blocks",)

RULES: Final = (
    functions_have_dotted_paths,
    named_metrics_need_no_words,
    functions_say_which_way_is_better,
    rows_go_together_by_declared_columns,
)
