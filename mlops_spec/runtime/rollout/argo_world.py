"""A rollout that Argo's controller takes step by step, and that it judges by what Prometheus saw.

Argo sends a release no requests before its pods are ready, and none at all once it has given up:
nothing has to be withdrawn from here, and a kill from here stops nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from mlops_spec.runtime.cluster import pods
from mlops_spec.runtime.cluster.argo import ArgoTrack
from mlops_spec.runtime.cluster.argo_status import Progress, Run, span_of, steps_of
from mlops_spec.runtime.cluster.refused import Unreachable
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.judge import together
from mlops_spec.runtime.rollout.on_cluster import OnCluster
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.rollout.watch import Judged
from mlops_spec.state import Deployment
from mlops_spec.terms.steps import canary_step
from mlops_spec.terms.verdict import Outcome, Verdict

Tell = Callable[[dict[str, Any]], None]


@dataclass
class ArgoWorld(OnCluster[ArgoTrack]):
    """The `World` of one model in a namespace where Argo takes the steps."""

    @cached_property
    def tracks(self) -> ArgoTrack:
        context = self.context
        return ArgoTrack(
            self._server(), self.cluster.namespace, context.model, context.journal,
            context.deployments,
        )  # fmt: skip

    def start(
        self, release: Release, bento: str, *, copies: bool = False,  # noqa: ARG002
    ) -> int:  # fmt: skip
        """Ask Argo for the release, and wait for its first pods."""
        self._recorded(release)
        begun = self.tracks.patience.now()
        with self._back_on_trouble(release):
            self.tracks.ask_for(release.id)
            found = self.tracks.until(
                lambda it: it.healthy or it.step > 0 or it.aborted,
                partial(self._tell, "deploy", release),
                judged=True,
            )
            self._require_ours(release, found, begun)
        return pods.PORT

    def check(self, release: Release, port: int) -> tuple[Verdict, ...]:
        """As everywhere, with real requests on their way already; Argo may have said no before."""
        found = self.tracks.look()
        if found.aborted:
            return _judged("deploy", found, self.tracks.runs(), set()).verdicts
        return super().check(release, port)

    def alive(self, deployment: Deployment) -> bool:
        return self.tracks.release() == deployment.release

    def stop(self, release: str) -> None:
        """Argo ends the pods of what it is not asked for any more."""

    def publish(self) -> None:
        self.tracks.follow()

    def promote(self, release: Release, verdicts: tuple[Verdict, ...]) -> None:
        begun = self.tracks.patience.now()
        found = self.tracks.until(
            lambda it: it.healthy or it.aborted or it.release != release.id,
            partial(self._tell, "promote", release),
            judged=True,
        )
        self._require_ours(release, found, begun)
        if not found.healthy:
            raise Refusal(
                "MLS602", f"Argo took {release.id} back after its last step: {found.message}",
                "the same command tells what is live",
            )  # fmt: skip
        super().promote(release, verdicts)

    def judged(self, release: Release, share: float, tell: Tell) -> Judged:
        """Wait until Argo has judged the release at this share of its copies, and say how."""
        begun = self.tracks.patience.now()
        rollout = self.tracks.rollout()
        first, end = span_of(rollout, share) if rollout else (0, 0)
        asked = steps_of(rollout)[first:end] if rollout else []
        analyses = {first + n for n, step in enumerate(asked) if "analysis" in step}

        def over(found: Progress) -> bool:
            passed = first < end < found.steps and found.step >= end
            ours = found.release == release.id
            return passed or found.healthy or found.aborted or found.doubtful or not ours

        def report(found: Progress) -> None:
            tell({"pods": str(found), "troubles": [str(one) for one in found.troubles]})

        with self._back_on_trouble(release):
            found = self.tracks.until(over, report, judged=True)
            runs = self.tracks.runs()
            self._require_ours(release, found, begun, *(v for run in runs for v in run.verdicts))
        judged = _judged(canary_step(share), found, _until(runs, end), analyses)
        return replace(judged, seconds=self.tracks.patience.now() - begun)

    def _require_ours(
        self, release: Release, found: Progress, begun: float, *verdicts: Verdict
    ) -> None:
        """`Refusal` where the end says nothing of the release: pods, or somebody's edit."""
        bad = any(verdict.outcome is not Outcome.PASS for verdict in verdicts)
        if found.aborted and found.timed_out and not bad:
            raise self.tracks.not_ready(found, self.tracks.patience.now() - begun)
        if found.release != release.id:
            raise Refusal(
                "MLS602",
                f"rollout/{release.model} asks for release {found.release or 'of somebody else'}:"
                f" somebody changed it while {release.id} was on its way",
                "the same command asks for it again",
            )

    @contextmanager
    def _back_on_trouble(self, release: Release) -> Iterator[None]:
        """What keeps pods from being ready is nobody's verdict: production, and another try."""
        try:
            yield
        except Unreachable:
            raise  # Argo goes on by itself
        except Refusal:
            self.tracks.back()
            row = self.context.deployments.find(release.model, release.id)
            if row is not None and release.production:
                self.context.deployments.save(replace(row, weight=0.0, port=None))
            raise


def _until(runs: tuple[Run, ...], end: int) -> tuple[Run, ...]:
    """What was judged up to the end of a step, by the analyses that watch all of them too."""
    return tuple(run for run in runs if run.step is None or run.step < end)


def _judged(step: str, found: Progress, runs: tuple[Run, ...], analyses: set[int]) -> Judged:
    """What Argo's analyses come to at this step. Where a person decided, that is what is said."""
    mine = [v for run in runs if run.step in analyses or run.step is None for v in run.verdicts]
    bad = [v for run in runs for v in run.verdicts if v.outcome is not Outcome.PASS]
    passed = analyses <= {run.step for run in runs if run.phase == "Successful"}
    verdicts = tuple(dict.fromkeys((*mine, *bad)))
    if found.aborted or found.doubtful:
        by_hand = Verdict("argo", Outcome.FAIL, reason=found.message or "somebody aborted it")
        verdicts = verdicts if bad else (*verdicts, by_hand)
    elif not passed:
        said = "somebody let Argo skip its analyses: a person decided, nothing was judged"
        verdicts = (*verdicts, Verdict("argo", Outcome.PASS, reason=said))
    outcome = together(verdicts)
    reason = next((v.line() for v in verdicts if v.outcome is outcome), found.message)
    requests = max((v.n for v in mine), default=0)
    return Judged(step, outcome, verdicts, requests, len(mine), reason=reason)
