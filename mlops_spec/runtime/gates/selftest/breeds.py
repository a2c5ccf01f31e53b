"""The mutants of a self-test: what is damaged, where, and at which growing strengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from mlops_spec.runtime.declare import Gates
from mlops_spec.runtime.gates.selftest import mutants
from mlops_spec.runtime.gates.selftest.effects import (
    Damage,
    Effect,
    Scale,
    in_group,
    on_all,
    on_calibration,
    on_treatment,
)
from mlops_spec.runtime.gates.selftest.mutants import Answers, Mutation
from mlops_spec.runtime.gates.selftest.targets import Target, everything, segments, treated
from mlops_spec.stats.judged import Judged

Measure = Callable[[Scale, Judged, Judged, Target], Effect]


@dataclass(frozen=True, slots=True)
class Breed:
    """One way to be worse. `strengths` grow; `words` says one of them."""

    name: str
    damage: Damage
    target: Target
    mutation: Mutation
    strengths: tuple[float, ...]
    words: str
    measure: Measure

    def said(self, strength: float) -> str:
        return self.words.format(strength, 1 + strength)

    def mutant(self, original: Judged, task: str, strength: float, seed: int) -> Judged:
        """The same seed and strength give the same mutant."""
        random = np.random.default_rng([seed, round(1000 * strength)])
        pushed = strength * self.target.pushed if self.damage == "bias" else strength
        return self.mutation(Answers(original, self.target.places, task), pushed, random)


_NOISE: Final = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5)
_SHARES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
_FACTORS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)


def breeds(
    gates: Gates, task: str, original: Judged, rows: pd.DataFrame, features: Mapping[str, str]
) -> Iterator[Breed]:
    """All that the task allows; groups as the rules name them, or the likeliest one."""
    everybody = everything(len(original.truth))
    yield Breed(
        "label noise", "quality", everybody, mutants.label_noise, _NOISE, "{:.0%} of labels",
        lambda scale, one, other, _: on_all(scale, one, other),
    )  # fmt: skip
    groups = segments(gates, rows, features)
    for group in groups:
        yield Breed(
            "broken segment", "group", group, mutants.upside_down, _SHARES, "{:.0%} reversed",
            in_group,
        )  # fmt: skip
        yield Breed(
            "shuffled group", "group", group, mutants.shuffled, _SHARES, "{:.0%} shuffled", in_group
        )
    if task in ("binary", "multiclass"):
        yield Breed(
            "overconfident", "calibration", everybody, mutants.overconfident, _FACTORS,
            "logits × {1:g}", lambda scale, one, other, _: on_calibration(scale, one, other),
        )  # fmt: skip
    for group in treated(gates, rows, original) or groups[:1]:
        words = "deviations" if task in ("regression", "ranking") else "logits"
        yield Breed(
            "biased against" if group.pushed < 0 else "biased for", "bias", group, mutants.biased,
            _FACTORS, f"{{:g}} {words}", on_treatment,
        )  # fmt: skip
