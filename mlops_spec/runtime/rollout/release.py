"""One release on its way to production: what it is, what it replaces, and what it may do here."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mlops_spec.runtime.context import Context, Output, Progress
from mlops_spec.runtime.declare import CanaryStep, Limits, Shadow
from mlops_spec.runtime.rollout.judge import Arms, Pairs
from mlops_spec.runtime.rollout.watch import Clock
from mlops_spec.state import Deployment
from mlops_spec.stats.sequential import Spending
from mlops_spec.terms import keys
from mlops_spec.terms.verdict import Verdict

# What can roll back at each judged step: errors (or lost copies), p99 (or agreement), score shift.
ROLLBACK_METRICS: Final = 3


@dataclass(frozen=True, slots=True)
class Release:
    """A trained model in a service of one shape. `production`: the release it replaces, or ""."""

    model: str
    id: str
    run: str
    version: str
    production: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How a release takes over: the Rollout of the specs."""

    shadow: Shadow | None
    canary: tuple[CanaryStep, ...]
    limits: Limits
    criteria: tuple[str, ...] = ()  # what a person confirms before anything is started

    @property
    def spending(self) -> Spending:
        """The false-rollback probability of the whole rollout, for all its steps together."""
        judged = len(self.canary) + (self.shadow is not None)
        return Spending(1 - self.limits.confidence, ROLLBACK_METRICS, judged)


class ArmsSight(Protocol):
    """A canary step as it goes on."""

    def count(self) -> int:
        """Requests that the candidate has answered, or failed to."""

    def arms(self) -> Arms:
        """What both versions did so far."""


class PairsSight(Protocol):
    """A shadow step as it goes on."""

    def count(self) -> int:
        """Requests whose copies have had the time to be answered."""

    def pairs(self) -> Pairs:
        """Both versions' answers to the same requests."""


class World(Protocol):
    """What a rollout does outside the state. Everything may be done twice: after a kill, it is."""

    def package(self, release: Release) -> str:
        """Package the model in its service; the Bento's tag."""

    def start(self, release: Release, bento: str, *, copies: bool = False) -> int:
        """Start the release's process, or find it running; its port.

        `copies`: what it is sent first are copies of requests.
        """

    def check(self, release: Release, port: int) -> tuple[Verdict, ...]:
        """Whether it becomes ready, and answers held-out rows as it did when it was evaluated."""

    def alive(self, deployment: Deployment) -> bool:
        """Whether the process of a release is ready right now."""

    def stop(self, release: str) -> None:
        """Stop a release's process; nothing when it does not run."""

    def publish(self) -> None:
        """Make the router follow the table of deployments, and wait until it does."""

    def arms(self, release: Release, share: float) -> ArmsSight:
        """Look at both arms from now on."""

    def pairs(self, release: Release) -> PairsSight:
        """Look at the copies from now on."""

    def traffic(self, release: Release) -> AbstractContextManager[object]:
        """Requests to judge by, while a step waits, on a machine without users."""

    def stage(self, release: Release) -> None:
        """Let the registry name this version staging: it runs, and is being judged."""

    def validate(self, release: Release) -> None:
        """Let the registry name this version validation: checked, about to take real requests."""

    def promote(self, release: Release, verdicts: tuple[Verdict, ...]) -> None:
        """Let the registry name this version production."""

    def quarantine(self, release: Release, reason: str) -> None:
        """Let the registry know why this version was refused."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What every step works with."""

    context: Context
    world: World
    release: Release
    policy: Policy
    clock: Clock

    def once(self, step: str, work: Callable[[Progress], Output]) -> Output:
        """The output of a step of this rollout: recorded, or by doing it."""
        return self.context.step(step, self.key(step), self.release.run, work)

    def key(self, step: str) -> str:
        return keys.rollout_key(step, self.release.id, self.release.production)

    def recorded(self, step: str) -> Output | None:
        found = self.context.journal.done(self.release.model, step, self.key(step))
        return found.output if found else None

    def forget(self, step: str) -> None:
        self.context.journal.forget(self.release.model, step, self.key(step))

    @property
    def compares(self) -> bool:
        """Whether a shadow step compares copies: none does of a first model, which is alone."""
        return self.policy.shadow is not None and bool(self.release.production)

    @property
    def row(self) -> Deployment | None:
        return self.context.deployments.find(self.release.model, self.release.id)


def real_clock(context: Context) -> Clock:
    return Clock(context.store.clock, time.sleep)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a rollout ended: `outcome` pass when the release is production now."""

    outcome: str
    release: str
    version: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome, "release": self.release, "version": self.version,
            "reason": self.reason,
        }  # fmt: skip
