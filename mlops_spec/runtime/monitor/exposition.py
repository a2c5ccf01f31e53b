"""The last window in Prometheus' text format, for a node exporter's textfile collector."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mlops_spec.runtime.monitor.drift import TESTS
from mlops_spec.runtime.monitor.performance import Performance
from mlops_spec.state import Window
from mlops_spec.terms import exposition as names
from mlops_spec.terms.verdict import Outcome, Verdict

Sample = tuple[dict[str, str], float]

HELP: Final = {
    names.DRIFT_SCORE: "Distance of a column from its baseline in the last window.",
    names.DRIFT_LIMIT: "Distance above which a column has drifted.",
    names.MONITOR_OUTCOME: "1 for the outcome of the last window, 0 for all others.",
    names.MONITOR_WINDOW_END: "End of the last window, seconds since 1970.",
    names.PERFORMANCE: "Primary metric on labelled predictions of the last window.",
    names.PERFORMANCE_BASELINE: "Primary metric of the baseline.",
}


def exposition(window: Window, judged: Performance) -> str:
    """All metrics of a window. What was not measured is left out, not NaN."""
    model = {"model": window.model}
    metric = {**model, "metric": judged.metric}
    verdicts = tuple(map(Verdict.from_json, window.verdicts))
    samples: dict[str, list[Sample]] = {
        names.DRIFT_SCORE: [(labels, v.estimate) for labels, v in _scored(model, verdicts)
                              if v.estimate is not None],
        names.DRIFT_LIMIT: [(labels, float(v.limit)) for labels, v in _scored(model, verdicts)],
        names.MONITOR_OUTCOME: [
            ({**model, "outcome": outcome.value}, float(outcome.value == window.outcome))
            for outcome in Outcome
        ],
        names.MONITOR_WINDOW_END: [(model, window.end)],
        names.PERFORMANCE: [(metric, judged.now.value)],
        names.PERFORMANCE_BASELINE: [(metric, judged.baseline.value)],
    }  # fmt: skip
    return "".join(_family(name, found) for name, found in samples.items())


def write(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of the old text or all of the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _scored(
    model: dict[str, str], verdicts: Iterable[Verdict]
) -> Iterable[tuple[dict[str, str], Verdict]]:
    for verdict in verdicts:
        test, _, column = verdict.check.partition(" ")
        if test in TESTS:
            yield {**model, "column": column, "test": test}, verdict


def _family(name: str, samples: list[Sample]) -> str:
    lines = [
        f"{name}{{{_labels(labels)}}} {value:.10g}\n"
        for labels, value in samples
        if math.isfinite(value)
    ]
    if not lines:
        return ""
    return f"# HELP {name} {HELP[name]}\n# TYPE {name} gauge\n{''.join(lines)}"


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
