"""Argo's controller, as far as its status is a protocol: for the test cluster only.

One turn a look, as `rollout/canary.go` reconciles: a new template begins at the first step, going
back to the stable one skips them, a failed analysis aborts, and the last step promotes.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field

from argo_analysis import HASH, REVISION, analysis_run
from cluster_api import Cluster
from cluster_pods import Image, owner_of, pod_of, status_of

API = "argoproj.io/v1alpha1"
KINDS = {
    "rollouts": "Rollout", "analysistemplates": "AnalysisTemplate", "analysisruns": "AnalysisRun",
}  # fmt: skip
DEADLINE = 90  # turns of a step without the pods that it is about


@dataclass
class Argo:
    """`measured`: what Prometheus says of an image, by metric. `looks`: turns of an analysis.

    `hold`: a step that waits until a test lets it go on. `seen`: what `kubectl` would have shown.
    """

    cluster: Cluster
    measured: dict[str, dict[str, float | None]] = field(default_factory=dict)
    looks: int = 2
    hold: int | None = None
    running: bool = True
    watches: bool = True  # all steps, besides what it asks at the end of each
    templates: dict[str, dict] = field(default_factory=dict)
    turns: dict[tuple, int] = field(default_factory=dict)
    seen: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster.kinds[API] = dict(KINDS)
        self.cluster.controllers.append(self.turn)

    def turn(self) -> None:
        names = self.cluster.names("Rollout")
        for key, found in list(self.cluster.objects.items()):
            mine = key[1] in ("Pod", "AnalysisRun") and HASH in found["metadata"]["labels"]
            if mine and owner_of(found) not in names:
                del self.cluster.objects[key]
            if key[1] == "Rollout" and self.running:
                self._reconcile(key, found)
                now = (found["status"]["currentStepIndex"], found["status"]["phase"])
                self.seen += [now] if self.seen[-1:] != [now] else []

    def _reconcile(self, key: tuple, ro: dict) -> None:
        spec, status = ro["spec"], ro.setdefault("status", {})
        replicas, steps = spec.setdefault("replicas", 2), steps_of(ro)
        new, kept = hash_of(spec["template"]), hash_of(steps)
        status["observedGeneration"] = str(ro["metadata"]["generation"])
        if (status.get("currentPodHash"), status.get("currentStepHash")) != (new, kept):
            self._begin(ro, new, kept)
        if status.pop("promoteFull", False):
            status.update(currentStepIndex=len(steps), abort=False)
        ready, wanted = self._pods(key, ro), newest_wanted(ro)
        stable, index = status.get("stableRS", ""), status["currentStepIndex"]
        if not stable or index >= len(steps):
            if ready >= replicas:
                status.update(stableRS=new, currentStepIndex=len(steps))
        elif new != stable and not status["abort"]:
            self._step(key, ro, ready >= wanted)
        status.update(phase_of(ro))

    def _begin(self, ro: dict, new: str, kept: str) -> None:
        status, notes = ro["status"], ro["metadata"].setdefault("annotations", {})
        if status.get("currentPodHash") != new:
            notes[REVISION] = str(int(notes.get(REVISION, 0)) + 1)
        back = status.get("stableRS") == new
        status.update(currentPodHash=new, currentStepHash=kept, abort=False, conditions=[],
                      currentStepIndex=len(steps_of(ro)) if back else 0)  # fmt: skip
        self.turns = {at: n for at, n in self.turns.items() if at[0] != "step"}

    def _pods(self, key: tuple, ro: dict) -> int:
        """Make and end pods; how many of the newest template are ready."""
        status, replicas = ro["status"], ro["spec"]["replicas"]
        new, stable = status["currentPodHash"], status.get("stableRS", "")
        self.templates[new] = ro["spec"]["template"]
        wanted = newest_wanted(ro)
        ready = self._scale(key, new, wanted)
        if stable not in ("", new):
            # What served before makes room for what is ready, never before.
            self._scale(key, stable, replicas - min(wanted, ready))
        for old in set(self.templates) - {new, stable}:
            self._scale(key, old, 0)
        objects = self.cluster.objects.items()
        pods = [o for k, o in objects if k[1] == "Pod" and owner_of(o) == key[3]]
        up = [o for o in pods if o["status"]["containerStatuses"][0]["ready"]]
        mine = [o for o in pods if o["metadata"]["labels"][HASH] == new]
        status.update(
            replicas=len(pods), readyReplicas=len(up), availableReplicas=len(up),
            updatedReplicas=len(mine), HPAReplicas=len(pods),
        )  # fmt: skip
        return ready

    def _scale(self, key: tuple, version: str, wanted: int) -> int:
        """So many pods of a template; how many of them are ready."""
        template = self.templates[version]
        image = template["spec"]["containers"][0]["image"]
        how = self.cluster.images.get(image, Image())
        labelled = {**template["metadata"]["labels"], HASH: version}
        up = 0
        for number in range(wanted):
            at = ("v1", "Pod", key[2], f"{key[3]}-{version}-{number}")
            age = self.turns[at] = self.turns.get(at, 0) + 1
            ready = how.waiting is None and how.ended is None and age > how.ready_after
            made = pod_of(key, at, {"metadata": {"labels": labelled}}, number)
            self.cluster.objects.setdefault(at, made)["status"] = status_of(how, image, ready)
            up += ready
        self._drop(key, version, wanted)
        return up

    def _drop(self, key: tuple, version: str, keep: int) -> None:
        for at in list(self.cluster.objects):
            number = at[3].removeprefix(f"{key[3]}-{version}-")
            if at[1] == "Pod" and number.isdecimal() and int(number) >= keep:
                del self.cluster.objects[at]
                self.turns.pop(at, None)

    def _step(self, key: tuple, ro: dict, ready: bool) -> None:
        status, index = ro["status"], ro["status"]["currentStepIndex"]
        waited = self.turns[("step", index)] = self.turns.get(("step", index), 0) + 1
        background = ro["spec"]["strategy"]["canary"].get("analysis")
        if background and index >= background["startingStep"] and self.watches:
            self._analyse(key, ro, background, None, last=False)
        match steps_of(ro)[index]:
            case {"setWeight": _}:
                done = ready
                if waited > DEADLINE:
                    self._abort(ro, f'Rollout "{key[3]}" has timed out progressing.')
            case {"analysis": asked}:
                phase = self._analyse(key, ro, asked, index, last=waited >= self.looks)
                done = phase == "Successful"
            case _:
                done = waited > 1
        if done and not status["abort"] and index != self.hold:
            status["currentStepIndex"] = index + 1

    def _analyse(self, key: tuple, ro: dict, asked: dict, index: int | None, *, last: bool) -> str:
        """One turn of an analysis: what watches all steps ends only when it fails."""
        (template,) = (t["templateName"] for t in asked["templates"])
        metrics = self.cluster.find("AnalysisTemplate", template)["spec"]["metrics"]
        image = ro["spec"]["template"]["spec"]["containers"][0]["image"]
        run = analysis_run(key, ro, index, metrics, self.measured.get(image, {}), last=last)
        self.cluster.objects[(API, "AnalysisRun", key[2], run["metadata"]["name"])] = run
        phase: str = run["status"]["phase"]
        if phase not in ("Successful", "Running"):
            self._abort(ro, run["status"]["message"])
        return phase

    def _abort(self, ro: dict, why: str) -> None:
        revision = ro["metadata"]["annotations"][REVISION]
        said = f"Rollout aborted update to revision {revision}: {why}"
        condition = {"type": "Progressing", "status": "False", "reason": "RolloutAborted",
                     "message": said, "lastTransitionTime": "2026-01-01T00:00:00Z",
                     "lastUpdateTime": "2026-01-01T00:00:00Z"}  # fmt: skip
        ro["status"].update(abort=True, currentStepIndex=0, conditions=[condition])


def steps_of(ro: dict) -> list[dict]:
    found: list[dict] = ro["spec"]["strategy"]["canary"]["steps"]
    return found


def hash_of(found: object) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:10]


def newest_wanted(ro: dict) -> int:
    """How many pods of the newest template there should be."""
    status, steps, replicas = ro["status"], steps_of(ro), int(ro["spec"]["replicas"])
    stable, index = status.get("stableRS", ""), status["currentStepIndex"]
    if not stable or stable == status["currentPodHash"] or index >= len(steps):
        return replicas
    shares = [step["setWeight"] for step in steps[: index + 1] if "setWeight" in step]
    return 0 if status["abort"] or not shares else math.ceil(replicas * shares[-1] / 100)


def phase_of(ro: dict) -> dict[str, str]:
    """As CalculateRolloutPhase."""
    status, replicas = ro["status"], ro["spec"]["replicas"]
    if status["abort"]:
        return {
            "phase": "Degraded",
            "message": f"RolloutAborted: {status['conditions'][0]['message']}",
        }
    if ro["spec"].get("paused"):
        return {"phase": "Paused", "message": "manually paused"}
    words = {
        "more replicas need to be updated": status["updatedReplicas"] < replicas,
        "updated replicas are still becoming available": status["availableReplicas"] < replicas,
        "old replicas are pending termination": status["replicas"] > status["updatedReplicas"],
        "waiting for all steps to complete": status.get("stableRS") != status["currentPodHash"],
    }
    message = next((word for word, so in words.items() if so), "")
    return {"phase": "Progressing" if message else "Healthy", "message": message}
