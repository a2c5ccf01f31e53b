"""What a gate self-test found: values only, and what of them is good."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mlops_spec.runtime.gates.selftest.effects import Damage, Effect

# killed: a rule stopped it. survived: none did, though its harm shows. allowed: a rule looked at
# it and holds it to be within its limits. below: its harm does not show. untold: nobody knows.
Fate = Literal["killed", "survived", "allowed", "below", "untold"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What must be so when production is judged as its own candidate. None: cannot be shown."""

    check: str
    holds: bool | None
    said: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant: what was damaged, where, how much, what that did, and what the gates did."""

    mutant: str
    damage: Damage
    where: str
    columns: tuple[str, ...]  # that make the group of `where`
    strength: str
    effect: Effect
    fate: Fate
    by: tuple[str, ...] = ()  # the checks that stopped it, or that looked and let it through


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A self-test. `role` says what the run is: production, or the newest that was gated."""

    model: str
    run: str
    role: Literal["production", "newest"]
    rows: int
    claims: tuple[Claim, ...]
    untested: tuple[str, ...]  # rules that do not pass even for the recorded model, and why
    trials: tuple[Trial, ...]
    advice: tuple[str, ...]

    @property
    def killed(self) -> int:
        return _count(self.trials, "killed")

    @property
    def detectable(self) -> int:
        """The mutants that gates must stop."""
        return self.killed + _count(self.trials, "survived")

    @property
    def kill_rate(self) -> float | None:
        return self.killed / self.detectable if self.detectable else None

    @property
    def ok(self) -> bool:
        """Whether no claim is broken, and every mutant whose harm shows was stopped."""
        refuted = any(claim.holds is False for claim in self.claims)
        return not refuted and self.detectable > 0 and self.killed == self.detectable

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "killed": self.killed,
            "detectable": self.detectable,
            "kill_rate": self.kill_rate,
            "ok": self.ok,
        }


def _count(trials: Iterable[Trial], fate: Fate) -> int:
    return sum(trial.fate == fate for trial in trials)
