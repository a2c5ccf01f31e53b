"""What a gate self-test found: values only, and what of them is good."""

from __future__ import annotations

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
    """A self-test. `role` says what the run is: production, or the newest that was gated.

    `rows` of the `held_out` ones were used: of very many, a sample.
    """

    model: str
    run: str
    role: Literal["production", "newest"]
    rows: int
    held_out: int
    claims: tuple[Claim, ...]
    untested: tuple[str, ...]  # rules that do not pass even for the recorded model, and why
    untried: tuple[str, ...]  # mutants that could not be made
    trials: tuple[Trial, ...]
    advice: tuple[str, ...]

    @property
    def harmful(self) -> tuple[Trial, ...]:
        """The mutants that gates must stop: those whose harm shows, and which no limit allows."""
        shows = [trial for trial in self.trials if trial.effect.is_detectable]
        return tuple(trial for trial in shows if trial.fate in ("killed", "survived"))

    @property
    def killed(self) -> int:
        return sum(trial.fate == "killed" for trial in self.harmful)

    @property
    def kill_rate(self) -> float | None:
        return self.killed / len(self.harmful) if self.harmful else None

    @property
    def ok(self) -> bool:
        """Whether no claim is broken, and every mutant whose harm shows was stopped.

        Where not even the loss of all quality shows, nothing is proven.
        """
        refuted = any(claim.holds is False for claim in self.claims)
        proven = any(trial.damage == "quality" for trial in self.harmful)
        return proven and not refuted and self.killed == len(self.harmful)

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "killed": self.killed,
            "harmful": len(self.harmful),
            "kill_rate": self.kill_rate,
            "ok": self.ok,
        }
