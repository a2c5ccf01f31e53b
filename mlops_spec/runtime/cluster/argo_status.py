"""What Argo's controller says of a Rollout and of the analyses that it runs. Pure.

The words are Argo's: https://argo-rollouts.readthedocs.io/en/stable/features/specification/.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlops_spec.runtime.cluster.explain import Trouble
from mlops_spec.runtime.cluster.instance import release_of
from mlops_spec.runtime.cluster.objects import Object, Ref, at, ref_of
from mlops_spec.terms.verdict import Outcome, Verdict

API: Final = "argoproj.io/v1alpha1"
KIND: Final = "Rollout"
RUN: Final = "AnalysisRun"
HASH: Final = "rollouts-pod-template-hash"
_REVISION: Final = "rollout.argoproj.io/revision"
_STEP: Final = "step-index"
_TIMED_OUT: Final = ("ProgressDeadlineExceeded", "timed out progressing")
_OUTCOMES: Final[Mapping[str, Outcome]] = {
    "Successful": Outcome.PASS,
    "Failed": Outcome.FAIL,
    "Inconclusive": Outcome.INCONCLUSIVE,
    "Error": Outcome.ERROR,
}
# The metric by which a step waits for requests: too few of them are no harm, and no pass.
_REQUESTS: Final = "requests"


def rollout_ref(namespace: str, model: str) -> Ref:
    return Ref(API, KIND, namespace, model)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far Argo is with the newest form. `share`: of the copies, as its steps have set it.

    `phase` and `message` are Argo's own; `seen`: its controller has looked at the newest form.
    """

    phase: str
    message: str
    step: int
    steps: int
    share: int  # percent
    release: str  # that it is asked for
    current: str  # hash of the newest form
    stable: str  # hash of the one that was promoted last, "" before the first
    seen: bool
    aborted: bool
    ready: int
    wanted: int
    troubles: tuple[Trouble, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether the newest form is what serves, alone."""
        return self.seen and self.phase == "Healthy" and self.current == self.stable

    @property
    def stepping(self) -> bool:
        """Whether a newer form is on its way to take over, step by step."""
        return self.seen and self.current != self.stable != "" and not self.aborted

    @property
    def doubtful(self) -> bool:
        """Whether it waits for a person, because an analysis could not tell."""
        return self.phase == "Paused" and "Inconclusive" in self.message

    @property
    def refused(self) -> bool:
        """Whether Argo does not take the Rollout as it is written."""
        return self.seen and self.message.startswith("InvalidSpec")

    @property
    def timed_out(self) -> bool:
        """Whether it gave up because pods did not become ready."""
        return any(words in self.message for words in _TIMED_OUT)

    def __str__(self) -> str:
        said = f"{self.phase}: {self.message}" if self.message else self.phase
        if self.stepping:
            step = min(self.step + 1, self.steps)
            said = f"step {step} of {self.steps}, {self.share} % of copies, {said}"
        return f"{said}, {self.ready} of {self.wanted} pods ready"


def progress_of(rollout: Object, troubles: tuple[Trouble, ...] = ()) -> Progress:
    """What its status says; nothing of it is believed before it is about the newest form."""
    status = rollout.get("status", {})
    steps = steps_of(rollout)
    index = int(at(status, "currentStepIndex", default=0))
    current, stable = str(status.get("currentPodHash", "")), str(status.get("stableRS", ""))
    aborted = bool(status.get("abort"))
    return Progress(
        phase=str(status.get("phase") or "Progressing"),
        message=" ".join(str(status.get("message", "")).split()),
        step=index,
        steps=len(steps),
        share=0 if aborted else 100 if current == stable else _share(steps, index),
        release=release_of(rollout),
        current=current,
        stable=stable,
        seen=_seen(rollout),
        aborted=aborted,
        ready=int(status.get("readyReplicas", 0)),
        wanted=max(int(at(rollout, "spec", "replicas", default=1)), 1),
        troubles=troubles,
    )


def _seen(rollout: Object) -> bool:
    """Argo writes the generation as text."""
    observed = str(at(rollout, "status", "observedGeneration", default=""))
    return observed.isdecimal() and int(observed) >= int(at(rollout, "metadata", "generation"))


def steps_of(rollout: Object) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = at(rollout, "spec", "strategy", "canary", "steps", default=[])
    return found


def _share(steps: Sequence[Mapping[str, Any]], index: int) -> int:
    set_so_far = [step["setWeight"] for step in steps[: index + 1] if "setWeight" in step]
    return int(set_so_far[-1]) if set_so_far else 0


def waits_for_pods(rollout: Object) -> bool:
    """Whether the step that it is at is about pods: shares, and what comes after the last."""
    steps, index = steps_of(rollout), int(at(rollout, "status", "currentStepIndex", default=0))
    return index >= len(steps) or "setWeight" in steps[index]


def span_of(rollout: Object, share: float) -> tuple[int, int]:
    """The steps of Argo's that one canary step has become: [first, end)."""
    steps = steps_of(rollout)
    starts = [n for n, step in enumerate(steps) if "setWeight" in step]
    mine = [n for n in starts if steps[n]["setWeight"] == round(share * 100)]
    if not mine:
        return len(steps), len(steps)
    after = [n for n in starts if n > mine[0]]
    return mine[0], after[0] if after else len(steps)


@dataclass(frozen=True, slots=True)
class Run:
    """One AnalysisRun. `step`: of which step of Argo's; None: it watches all of them."""

    step: int | None
    phase: str
    verdicts: tuple[Verdict, ...]

    @property
    def ended(self) -> bool:
        return self.phase in _OUTCOMES


def runs_of(rollout: Object, found: Sequence[Object]) -> tuple[Run, ...]:
    """The analyses of the newest form's newest attempt, in order of their steps."""
    revision = at(rollout, "metadata", "annotations", _REVISION)
    mine = [
        run
        for run in found
        if any(one["name"] == rollout["metadata"]["name"] for one in _owners(run))
        and at(run, "metadata", "annotations", _REVISION) == revision
    ]
    runs = [Run(_index(run), str(at(run, "status", "phase", default="")), verdicts_of(run))
            for run in mine]  # fmt: skip
    return tuple(sorted(runs, key=lambda run: -1 if run.step is None else run.step))


def _owners(run: Object) -> list[Mapping[str, str]]:
    found: list[Mapping[str, str]] = at(run, "metadata", "ownerReferences", default=[])
    return found


def _index(run: Object) -> int | None:
    said = at(run, "metadata", "labels", _STEP)
    return int(said) if said is not None else None


def verdicts_of(run: Object) -> tuple[Verdict, ...]:
    """A verdict for every metric that Argo has judged."""
    return tuple(_verdicts(run))


def _verdicts(run: Object) -> Iterator[Verdict]:
    conditions = {
        metric["name"]: str(metric.get("successCondition", ""))
        for metric in at(run, "spec", "metrics", default=[])
    }
    for result in at(run, "status", "metricResults", default=[]):
        outcome = _OUTCOMES.get(str(result.get("phase", "")))
        if outcome is not None:
            yield _verdict(run, result, outcome, conditions.get(str(result["name"]), ""))


def _verdict(run: Object, result: Mapping[str, Any], outcome: Outcome, condition: str) -> Verdict:
    name, value = str(result["name"]), _last(result)
    limit = condition.rpartition(" ")[2]
    said = result.get("message") or at(run, "status", "message", default="")
    reason = f"{ref_of(run)}{f': {said}' if said else ''}"
    n = round(value) if name == _REQUESTS and value is not None else 0
    match name, outcome:
        case "requests", Outcome.PASS:
            return Verdict(name, outcome, n=n, limit=f"at least {limit}", reason=reason)
        case "requests", Outcome.FAIL:
            few = Outcome.INCONCLUSIVE if n else Outcome.NO_DATA
            return Verdict(name, few, n=n, limit=f"at least {limit}", reason=reason)
        case "p99", _:
            return Verdict(name, outcome, value, limit=f"{limit} s", reason=reason)
        case _:
            # What Argo asked for is an end of the interval: the lower one where it looks for harm.
            low, high = (value, None) if _index(run) is None else (None, value)
            return Verdict(name, outcome, low=low, high=high, limit=limit, reason=reason)


def _last(result: Mapping[str, Any]) -> float | None:
    """The newest number that Prometheus answered: Argo keeps it as the text of a list."""
    measured = [one.get("value") for one in result.get("measurements", []) if one.get("value")]
    if not measured:
        return None
    try:
        found = json.loads(str(measured[-1]))
        value = float(found[0] if isinstance(found, list) else found)
    except (ValueError, TypeError, IndexError):
        return None
    return value if math.isfinite(value) else None
