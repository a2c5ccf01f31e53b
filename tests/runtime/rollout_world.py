"""A world without processes: it can be killed at any effect, and it remembers what was done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import CanaryStep, Limits, Shadow
from mlops_spec.runtime.rollout import Policy, Release, begin, steps
from mlops_spec.runtime.rollout.judge import Arm, Arms, Pairs
from mlops_spec.runtime.rollout.watch import Clock
from mlops_spec.state import Deployment, Store
from mlops_spec.terms import keys
from mlops_spec.terms.verdict import Outcome, Verdict
from mlops_spec.terms.workspace import Workspace

FACETS = {"data": "d", "train": "t", "gate": "g", "serve": "s", "rollout": "r", "monitor": "m"}
LIMITS = Limits(errors=0.01, p99=0.25, score_shift=0.15)
POLICY = Policy(
    shadow=Shadow(min_requests=400, min_agreement=0.8, at_most=300),
    canary=tuple(CanaryStep(share, 400, 5.0, 300.0) for share in (0.05, 0.25, 1.0)),
    limits=LIMITS,
)


class Killed(BaseException):
    """kill -9: nothing of ours may catch it and carry on."""


@dataclass(frozen=True)
class Behaviour:
    """How a version behaves, per request."""

    errors: float = 0.001
    seconds: float = 0.02
    score: Callable[[np.random.Generator, int], np.ndarray] = lambda random, n: random.random(n)
    ready: bool = True
    requests: float = 200.0  # a second, both arms together


@dataclass
class FakeWorld:
    context: Context
    clock: Callable[[], float]
    behaviour: Behaviour = Behaviour()
    production: Behaviour = Behaviour()
    kill_at: int | None = None
    effects: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    router: dict[str, tuple[float, bool]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    proven: list[tuple[Verdict, ...]] = field(default_factory=list)
    seen: list[dict[str, tuple[float, bool]]] = field(default_factory=list)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def _effect(self, what: str, do: Callable[[], object] = lambda: None) -> None:
        """Killed before the effect at an even number, after it at an odd one."""
        at = 2 * len(self.effects)
        self.effects.append(what)
        if self.kill_at == at:
            raise Killed(what)
        do()
        if self.kill_at == at + 1:
            raise Killed(what)

    def package(self, release: Release) -> str:
        self._effect("package")
        return f"{release.model}:{release.id}"

    def start(self, release: Release, bento: str, *, copies: bool = False) -> int:
        self._effect("start", lambda: self.running.add(release.id))
        return 4000

    def check(self, release: Release, port: int) -> tuple[Verdict, ...]:
        self._effect("check")
        good = self.behaviour.ready
        return (Verdict("ready", Outcome.PASS if good else Outcome.FAIL, reason="asked /readyz"),)

    def alive(self, deployment: Deployment) -> bool:
        return deployment.release in self.running

    def stop(self, release: str) -> None:
        self._effect(f"stop {release}", lambda: self.running.discard(release))

    def publish(self) -> None:
        self._effect("publish", self._follow)

    def _follow(self) -> None:
        self.router = {
            d.release: (d.weight, d.mirror)
            for d in self.context.deployments.of("m")
            if d.port and (d.weight or d.mirror)
        }
        self.seen.append(self.router)

    def arms(self, release: Release, share: float) -> FakeArms:
        self._effect(f"look {share:g}")
        return FakeArms(self, self.clock(), share, bool(release.production))

    def pairs(self, release: Release) -> FakePairs:
        self._effect("look at copies")
        return FakePairs(self, self.clock())

    def traffic(self, release: Release) -> AbstractContextManager[object]:
        return nullcontext()

    def stage(self, release: Release) -> None:
        self._effect("stage", lambda: self._name("staging", release))

    def validate(self, release: Release) -> None:
        self._effect("validate", lambda: self._name("validation", release))

    def promote(self, release: Release, verdicts: tuple[Verdict, ...]) -> None:
        self.proven.append(verdicts)
        self._effect("alias", lambda: self._name("production", release))

    def quarantine(self, release: Release, reason: str) -> None:
        self._effect("tag", lambda: self._name("quarantined", release))

    def _name(self, alias: str, release: Release) -> None:
        for rung in ("staging", "validation"):
            if self.aliases.get(rung) == release.version:
                del self.aliases[rung]
        self.aliases[alias] = release.version


@dataclass
class FakeArms:
    world: FakeWorld
    since: float
    share: float
    compared: bool

    def _all(self) -> int:
        return int((self.world.clock() - self.since) * self.world.behaviour.requests)

    def count(self) -> int:
        return int(self._all() * self.share)

    def _arm(self, how: Behaviour, n: int) -> Arm:
        random = self.world.random
        seconds = random.gamma(4, how.seconds / 4, n)
        return Arm(int(random.binomial(n, how.errors)), seconds, how.score(random, n))

    def arms(self) -> Arms:
        n = self.count()
        candidate = self._arm(self.world.behaviour, n)
        control = None
        if self.share < 1:
            control = self._arm(self.world.production, self._all() - n)
        reference = self._arm(self.world.production, 5000).scores if self.compared else None
        return Arms(candidate, control, control.scores if control else reference)


@dataclass
class FakePairs:
    world: FakeWorld
    since: float

    def count(self) -> int:
        return int((self.world.clock() - self.since) * self.world.behaviour.requests)

    def pairs(self) -> Pairs:
        random, how = self.world.random, self.world.behaviour
        n = self.count()
        lost = int(random.binomial(n, how.errors))
        theirs = self.world.production.score(random, n - lost)
        mine = how.score(random, n - lost)
        agreed = n - lost if how.score is self.world.production.score else int(0.5 * n)
        return Pairs(n, n - lost, n - lost, agreed, theirs, mine)


class Stage:
    """A model with registered runs, on a virtual clock."""

    def __init__(self, root: Path) -> None:
        self.now = 1000.0
        self.kill_at_wait: int | None = None
        workspace = Workspace.of(root, "local")
        store = Store.at(workspace.state, clock=lambda: self.now)
        self.context = Context("m", root, workspace, store, FACETS)
        self.world = FakeWorld(self.context, lambda: self.now)

    def register(self, run: str, version: str) -> str:
        """Register a run; its release."""
        self.now += 1
        journal = self.context.journal
        journal.start("m", "register", f"register-{run}", run)
        journal.finish("m", "register", f"register-{run}", "done", {"version": version})
        return keys.release_id(run, FACETS)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.kill_at_wait is not None:
            self.kill_at_wait -= 1
            if self.kill_at_wait == 0:
                self.kill_at_wait = None
                raise Killed("waiting")

    def roll_out(self, run: str | None = None, *, retry: bool = False, policy: Policy = POLICY):
        """The rendered flow, without Prefect."""
        clock = Clock(lambda: self.now, self.sleep)
        rollout = begin(self.context, self.world, policy, run=run, retry=retry, clock=clock)
        judged = steps.deploy(rollout, steps.package(rollout))
        if judged.passed and policy.shadow:
            judged = steps.shadow(rollout, policy.shadow)
        for plan in policy.canary:
            if judged.passed:
                judged = steps.canary(rollout, plan)
        return steps.promote(rollout) if judged.passed else steps.rollback(rollout, judged)

    def roles(self) -> dict[str, tuple[str, float, bool]]:
        rows = self.context.deployments.of("m")
        return {d.release: (d.role, d.weight, d.mirror) for d in rows}
