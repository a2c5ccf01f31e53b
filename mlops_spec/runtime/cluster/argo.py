"""One model's Rollout on a cluster where Argo's controller takes the steps and judges them.

The table of deployments says which release Argo is asked for: a candidate that it is rolling out,
otherwise production. It asks for nothing else, so that what Argo does is never undone by accident.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from mlops_spec.runtime.cluster import instance as instances
from mlops_spec.runtime.cluster.argo_status import (
    API,
    HASH,
    KIND,
    RUN,
    Progress,
    Run,
    progress_of,
    rollout_ref,
    runs_of,
    waits_for_pods,
)
from mlops_spec.runtime.cluster.instance import release_of
from mlops_spec.runtime.cluster.objects import Object, at, ref_of
from mlops_spec.runtime.cluster.pods import ready, troubles_of
from mlops_spec.runtime.cluster.recorded import Instance, instance_of, known_objects
from mlops_spec.runtime.cluster.rest import rest
from mlops_spec.runtime.cluster.route import KIND as ROUTE
from mlops_spec.runtime.cluster.route import Split, ports_led_to, routed
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.wait import Hopeless, Patience, Standing, not_ready
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment, Deployments, Journal
from mlops_spec.terms.labels import NAME, RELEASE

# Seconds for Argo's controller to look at a Rollout that was applied.
TAKEN_WITHIN: Final = 60.0
# Seconds between two looks while nothing changes: at pods that may be in trouble, and at steps that
# take minutes.
AT_PODS: Final = 5.0
AT_STEPS: Final = 30.0
Report = Callable[[Progress], None]
_ON: Final = {"status": {"promoteFull": True}}
_AGAIN: Final = {"status": {"abort": False}}


def silent(_: Progress) -> None:
    """Nobody watches."""


@dataclass
class ArgoTrack:
    """One model in one namespace."""

    server: ApiServer
    namespace: str
    model: str
    journal: Journal
    deployments: Deployments
    patience: Patience = field(default_factory=Patience)
    wall: Callable[[], float] = time.time
    last: Object | None = None  # as it was looked at

    def rollout(self) -> Object | None:
        return self.server.get(rollout_ref(self.namespace, self.model))

    def release(self) -> str:
        """The release that Argo is asked for, "" for none."""
        return release_of(self.rollout())

    def pods(self, release: str) -> tuple[Object, ...]:
        labels = {NAME: self.model, RELEASE: release}
        return self.server.list("v1", "Pod", self.namespace, labels)

    def wanted(self, running: str) -> Deployment | None:
        """Which release Argo is to be asked for, while it is asked for `running`."""
        rows = self.deployments.of(self.model)
        beside = [
            row for row in rows
            if row.role == "candidate" and (row.port is not None or row.release == running)
        ]  # fmt: skip
        return beside[-1] if beside else self.deployments.production(self.model)

    def follow(self, report: Report = silent) -> None:
        """Ask for what the table says. A release that served before is not judged again."""
        self._route()  # what it leads to goes later, and comes sooner
        self._ask(report)
        self._route()

    def routed(self, found: Object) -> Object:
        """The rendered route as it has to be now: all pods are behind one Service."""
        production = self.deployments.production(self.model)
        made = instance_of(self.journal, self.model, production.release) if production else None
        rendered = (one for one in (made.objects if made else ()) if one["kind"] == KIND)
        forms = [one for one in (self.rollout(), next(rendered, None)) if one]
        ports = frozenset.intersection(*map(instances.ports_of, forms)) if forms else None
        return routed(found, self.model, Split(), ports)

    def _route(self) -> None:
        known = known_objects(self.journal, self.model)
        for found in (one for one in (known[0] if known else ()) if one["kind"] == ROUTE):
            live, wanted = self.server.get(ref_of(found)), self.routed(found)
            if live is not None and ports_led_to(live) != ports_led_to(wanted):
                self.server.apply(wanted)

    def _ask(self, report: Report) -> None:
        running = self.release()
        wanted = self.wanted(running)
        if wanted is None:
            row = self.deployments.find(self.model, running)
            if row is not None and row.role == "quarantined":
                self.server.delete(rollout_ref(self.namespace, self.model))
        elif wanted.release != running:
            self.ask_for(wanted.release)
            if wanted.role == "production":
                self.until(lambda found: found.healthy, report, judged=False)

    def back(self) -> None:
        """Ask for production again at once; its pods were there all the time."""
        production = self.deployments.production(self.model)
        if production is not None and self.release() != production.release:
            self.ask_for(production.release)

    def ask_for(self, release: str) -> None:
        """Apply the Rollout of a release; what Argo gave up before, it tries again."""
        made = instance_of(self.journal, self.model, release)
        if made is None:
            raise Refusal("MLS602", f"{release} was never started here", "run spec apply")
        before = self.rollout()
        self.server.apply(self._made(release, made))
        if release_of(before) == release and before is not None and progress_of(before).aborted:
            self.server.patch_status(rollout_ref(self.namespace, self.model), _AGAIN)

    def steady(self, made: Instance | None) -> Object | None:
        """The Rollout as it has to be right now; None while none was ever started.

        `made`: what production was started with, in today's form. A candidate stays in its own:
        other steps would make Argo begin again.
        """
        wanted = self.wanted(self.release())
        if wanted is not None and wanted.role != "production":
            made = instance_of(self.journal, self.model, wanted.release)
        return self._made(wanted.release, made) if wanted is not None and made else None

    def look(self) -> Progress:
        """How far Argo is; why pods are not ready, where it waits for some."""
        found = self.rollout()
        if found is None:
            ref = rollout_ref(self.namespace, self.model)
            raise Refusal("MLS626", f"{ref} is gone: somebody removed it", "run spec apply")
        self.last, progress = found, progress_of(found)
        if progress.healthy or not waits_for_pods(found):
            return progress
        pods = self.pods(release_of(found))
        waiting = [pod for pod in pods if not ready(pod)]
        wanted = max(int(at(found, "status", "updatedReplicas", default=0)), 1)
        return replace(
            progress, ready=len(pods) - len(waiting), wanted=wanted,
            troubles=troubles_of(self.server, found, waiting),
        )  # fmt: skip

    def runs(self) -> tuple[Run, ...]:
        """What Argo has judged of the release that it is asked for."""
        found = self.rollout()
        current = str(at(found, "status", "currentPodHash", default=""))
        if found is None or not current:
            return ()
        return runs_of(found, self.server.list(API, RUN, self.namespace, {HASH: current}))

    def until(self, done: Callable[[Progress], bool], report: Report, *, judged: bool) -> Progress:
        """Look until something is so. `judged`: by Argo's steps; without it they are skipped.

        MLS633 when nobody looks after the Rollout, MLS625 when Argo does not take it, MLS626 when
        pods do not become ready.
        """
        begun = self.patience.now()
        hopeless = Hopeless(self.patience)
        shown: Progress | None = None
        while True:
            found, now = self.look(), self.patience.now()
            if found.aborted and shown is not None:
                found = replace(found, troubles=shown.troubles)  # their pods are gone by now
            if found != shown:
                report(found)
                shown = found
            if found.seen and done(found):
                return found
            self._give_up(found, now - begun, hopeless.over(found.troubles))
            if not judged:
                self._hurry(found, now - begun)
            self._rest()

    def _rest(self) -> None:
        found = self.last
        assert found is not None, "it was looked at just now"
        rest(self.server, found, self.patience, AT_PODS if waits_for_pods(found) else AT_STEPS)

    def not_ready(self, found: Progress, seconds: float) -> Refusal:
        """Why pods are not ready: MLS626, at the field of the spec that owns the trouble."""
        rollout = self.rollout()
        assert rollout is not None, "it was looked at just now"
        standing = Standing(found.wanted, found.ready, troubles=found.troubles)
        return not_ready(self.server, rollout, standing, seconds)

    def _give_up(self, found: Progress, seconds: float, hopeless: bool) -> None:
        """`Refusal` for what waiting does not help with."""
        ref = rollout_ref(self.namespace, self.model)
        if not found.seen and seconds >= TAKEN_WITHIN:
            raise Refusal(
                "MLS633",
                f"no controller of Argo Rollouts looks after {ref}",
                "look at its deployment (kubectl -n argo-rollouts get pods), then the same command",
                field=("environment", "serve", "router"),
            )
        if found.refused:
            raise Refusal("MLS625", f"Argo refuses {ref}: {found.message}", "see the message")
        if hopeless:
            raise self.not_ready(found, seconds)

    def _hurry(self, found: Progress, seconds: float) -> None:
        """Let Argo skip the steps of a release that was judged before."""
        if found.seen and found.aborted:
            raise self.not_ready(found, seconds)
        if found.stepping and found.step < found.steps:
            self.server.patch_status(rollout_ref(self.namespace, self.model), _ON)
        if seconds >= self.patience.within:
            raise self.not_ready(found, seconds)

    def _made(self, release: str, made: Instance) -> Object:
        (found,) = (
            one for one in made.objects
            if one["kind"] == KIND and one["metadata"]["name"] == self.model
        )  # fmt: skip
        (asked,) = instances.instance(
            [found], self.model, release=release, image=made.image, track="stable"
        )
        return asked
