"""One AnalysisRun of the test cluster's Argo: a template's metrics, judged on given numbers."""

from __future__ import annotations

HASH = "rollouts-pod-template-hash"
REVISION = "rollout.argoproj.io/revision"
GOOD: dict[str, float | None] = {"requests": 5000.0, "errors": 0.001, "p99": 0.02}


def analysis_run(
    key: tuple, ro: dict, index: int | None, metrics: list[dict], measured: dict, *, last: bool
) -> dict:
    """The run of a step of the newest revision; `measured` is what differs from GOOD."""
    new, revision = ro["status"]["currentPodHash"], ro["metadata"]["annotations"][REVISION]
    step = [] if index is None else [str(index)]
    how = {"rollout-type": "Step", "step-index": step[0]} if step else {
        "rollout-type": "Background"
    }  # fmt: skip
    results = [_result(metric, {**GOOD, **measured}) for metric in metrics]
    bad = next((one for one in results if one["phase"] != "Successful"), None)
    if bad and (last or index is None):
        phase = bad["phase"]
        said = f'Metric "{bad["name"]}" assessed {phase} due to failed (1) > failureLimit (0)'
        status = {"phase": phase, "message": said, "metricResults": results}
    elif last:
        status = {"phase": "Successful", "metricResults": results}
    else:
        status = {"phase": "Running"}
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
        "metadata": {"name": "-".join((key[3], new, revision, *step)), "namespace": key[2],
                     "annotations": {REVISION: revision},
                     "labels": {HASH: new, **how, **ro["spec"]["selector"]["matchLabels"]},
                     "ownerReferences": [{"kind": "Rollout", "name": key[3]}]},
        "spec": {"metrics": metrics}, "status": status,
    }  # fmt: skip


def _result(metric: dict, measured: dict) -> dict:
    """A metric judged by the end of its condition: `… <= 0.01`; None is no answer."""
    name, condition, value = metric["name"], metric["successCondition"], measured[metric["name"]]
    limit = float(condition.rpartition(" ")[2])
    if value is None:
        good = condition.startswith("len(result) == 0")
        measurement = {"phase": "Successful" if good else "Failed", "value": "[]"}
    else:
        good = value >= limit if ">= " in condition else value <= limit
        measurement = {"phase": "Successful" if good else "Failed", "value": f"[{value}]"}
    return {"name": name, "phase": measurement["phase"], "count": 1, "measurements": [measurement]}
