"""What a step's record says on one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mlops_spec.state.fallback import fallback_in

Output = Mapping[str, Any]


def describe(step: str, output: Output) -> str:
    """The gist of a step's output; empty when there is nothing worth saying."""
    if step.startswith("canary-"):
        return _rollout(output)
    gist = DESCRIPTIONS.get(step)
    return gist(output) if gist else ""


def count(value: Any) -> str:
    """A whole number with separators; what is not a number as it is."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _snapshot(output: Output) -> str:
    return f"{count(output['rows'])} rows, data {output['data'][:12]}" if "rows" in output else ""


def _check(output: Output) -> str:
    if "rows" not in output:
        return ""
    return f"{count(output['rows'])} good rows, {count(output.get('bad_rows', 0))} bad"


def _split(output: Output) -> str:
    parts = [
        f"{name} {count(output[name])}"
        for name in ("train", "validation", "test")
        if name in output
    ]
    return ", ".join(parts)


def _fit(output: Output) -> str:
    return str(output.get("estimator", "")).rpartition(".")[2]


def _evaluate(output: Output) -> str:
    """What will answer, and how near it is to scikit-learn."""
    if fallback_in(output):
        return "scikit-learn itself will answer"
    parity = (output.get("portable") or {}).get("parity")
    if parity is None:
        return ""
    rows, apart = count(parity["rows"]), parity["max_difference"]
    if apart is None:
        return ""
    near = f"to {apart:.0e}" if apart else "exactly"
    return f"the portable form agrees {near} on {rows} rows"


def _verdicts(output: Output) -> str:
    outcome = str(output.get("outcome", ""))
    verdicts = output.get("verdicts", [])
    passed = sum(verdict["outcome"] == "pass" for verdict in verdicts)
    return f"{outcome.upper()}: {passed} of {len(verdicts)} checks" if outcome else ""


def _register(output: Output) -> str:
    if "version" not in output:
        return ""
    # A run is tracked whatever the gate said; only one that passed gets a version.
    return f"version {output['version']}" if output["version"] else "tracked; no version"


def _track(output: Output) -> str:
    place = str(output.get("place", ""))
    return place if "://" in place else place.rpartition("/")[2]


def _package(output: Output) -> str:
    """The last word of the build of an image, while it goes on."""
    return str(output.get("said", ""))[:60]


def _pods(output: Output) -> str:
    """How far the pods of a release are; what stands in their way."""
    return "; ".join((str(output["pods"]), *output.get("troubles", ()))) if "pods" in output else ""


def _deploy(output: Output) -> str:
    if "pods" in output:
        return _pods(output)
    return f"port {output['port']}" if "port" in output else ""


def _rollout(output: Output) -> str:
    if output.get("skipped"):
        return f"skipped: {output['skipped']}"
    seen = f"{count(output['requests'])} requests" if "requests" in output else ""
    return ", ".join(part for part in (seen, _verdicts(output)) if part)


def _batch_begin(output: Output) -> str:
    return (
        f"version {output['version']}, release {output['release']}" if "release" in output else ""
    )


def _batch_predict(output: Output) -> str:
    if "parts" not in output:
        return f"{count(output['rows'])} rows" if "rows" in output else ""
    rows = sum(part["rows"] for part in output["parts"])
    return f"{count(rows)} rows{', predicted before' if output.get('known') else ''}"


def _batch_finish(output: Output) -> str:
    """Where the rows are, and how many of them could not be predicted."""
    if "rows" not in output:
        return ""
    place = f"table {output['table']}" if "table" in output else str(output.get("folder", ""))
    bad = f", {count(output['bad_rows'])} of {count(output['rows'])} rows bad"
    return f"{place}{bad if output.get('bad_rows') else ''}"


DESCRIPTIONS: Final[dict[str, Callable[[Output], str]]] = {
    "snapshot": _snapshot,
    "check": _check,
    "split": _split,
    "fit": _fit,
    "evaluate": _evaluate,
    "gate": _verdicts,
    "register": _register,
    "track": _track,
    "package": _package,
    "deploy": _deploy,
    "promote": _pods,
    "shadow": _rollout,
    "batch-begin": _batch_begin,
    "batch-predict": _batch_predict,
    "batch-finish": _batch_finish,
}
