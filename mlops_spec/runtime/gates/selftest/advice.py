"""What to add to the gates, so that what survived would be stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlops_spec.runtime.gates.selftest.report import Trial
from mlops_spec.terms.metrics import METRICS, PRIMARY


def advice(trials: Iterable[Trial], task: str) -> tuple[str, ...]:
    """A line for every kind of damage that survived, each once."""
    survivors = [trial for trial in trials if trial.fate == "survived"]
    return tuple(dict.fromkeys(line for trial in survivors for line in _lines(trial, task)))


def _lines(trial: Trial, task: str) -> Iterator[str]:
    if trial.by:
        yield (
            f"{', '.join(trial.by)} lets even {trial.mutant} of {trial.strength} through: "
            "tighten its limit"
        )
        return
    by = ", ".join(trial.columns)
    margin = "1pp" if METRICS[PRIMARY[task]].share else "2%"
    against = f"{{hypothesis: non_inferiority, margin: {margin}}}"
    match trial.damage:
        case "quality":
            yield f"no rule compares with production; add `production: {{primary: {against}}}`"
        case "group":
            yield f"no rule looks into groups; add {_segments(by, task)}"
        case "calibration":
            yield f"no rule looks at calibration; add {_calibration(task)}"
        case "bias" if task == "binary":
            yield (
                f"no rule looks at how groups are treated; add `fairness: {{groups: {{by: [{by}], "
                "demographic_parity_difference: {no_worse_by: 2pp}}}`"
            )
        case "bias":
            yield f"no rule looks into groups; add {_segments(by, task)}"
        case "latency":
            yield "no rule compares latency; add `latency: {p99: {slower_by: 20%}}`"


def _segments(by: str, task: str) -> str:
    margin = "5pp" if METRICS[PRIMARY[task]].share else "10%"
    rule = f"{{by: [{by}], hypothesis: non_inferiority, margin: {margin}}}"
    return f"`segments: {{groups: {rule}}}`"


def _calibration(task: str) -> str:
    if task == "binary":
        return "`calibration: {ece: {max: 0.05}}`"
    return "`production: {log_loss: {hypothesis: non_inferiority, margin: 5%}}`"
