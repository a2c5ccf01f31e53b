"""Models that are worse in a known way, made from recorded answers. Pure; no model is loaded.

A mutant differs from the recorded model in one thing, by a strength; everything else, the rows and
their truth included, stays as it was. Draws are seeded, so that a self-test says the same twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mlops_spec.stats.estimate import Floats
from mlops_spec.stats.judged import Judged

Places = npt.NDArray[np.int64]

_EDGE: Final = 1e-6  # of a probability, before it becomes a logit
_LEAST_SPREAD: Final = 0.1  # of what is left of the answers' spread, so that they still differ


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers that a mutation is made from. `places`: the rows that it may touch."""

    rows: Judged
    places: Places
    task: str

    @property
    def classifies(self) -> bool:
        return self.task in ("binary", "multiclass")

    @property
    def unit(self) -> float:
        """By what a score that is no probability is moved: the spread of what it predicts, or of
        the scores themselves where they only rank.
        """
        return float(np.std(self.rows.scores if self.task == "ranking" else self.rows.truth))

    def with_scores(self, scores: Floats) -> Judged:
        """The rows with other scores, and the decisions that follow from them."""
        if not self.classifies:
            return replace(self.rows, scores=scores, decided=scores)
        if self.task == "multiclass":
            return replace(self.rows, scores=scores, decided=scores.argmax(axis=1))
        positive = self.rows.positive or 0
        decided = np.where(scores > 0.5, positive, 1 - positive)
        # A tie keeps the decision that was recorded.
        kept = np.where(scores == self.rows.scores, self.rows.decided, decided)
        return replace(self.rows, scores=scores, decided=kept)


Mutation = Callable[[Answers, float, np.random.Generator], Judged]


def label_noise(answers: Answers, strength: float, random: np.random.Generator) -> Judged:
    """As if trained with a share of the labels wrong: less sure of everything, wrong on a share.

    Labels that flip with probability e turn the probability p into (1 - 2e) p + e; of a regression,
    labels of other rows turn μ(x) into (1 - e) μ(x) + e μ.
    """
    scores = answers.rows.scores
    spread = max(1 - 2 * strength, _LEAST_SPREAD)
    centre = _even(scores) if answers.classifies else scores.mean()
    duller = centre + spread * (scores - centre)
    return answers.with_scores(_wrong(answers, duller, strength, random))


def _even(scores: Floats) -> float:
    return 0.5 if scores.ndim == 1 else 1 / scores.shape[1]


def upside_down(answers: Answers, strength: float, random: np.random.Generator) -> Judged:
    """The opposite answer on a share of the rows."""
    return answers.with_scores(_wrong(answers, answers.rows.scores, strength, random))


def _wrong(answers: Answers, scores: Floats, share: float, random: np.random.Generator) -> Floats:
    places = _some(answers.places, share, random)
    changed = scores.copy()
    match answers.task:
        case "binary":
            changed[places] = 1 - scores[places]
        case "multiclass":
            changed[places] = np.roll(scores[places], 1, axis=1)
        case _:
            # The mirror image about the middle of the rows that are touched.
            changed[places] = 2 * scores[answers.places].mean() - scores[places]
    return changed


def shuffled(answers: Answers, strength: float, random: np.random.Generator) -> Judged:
    """A share of the rows gets the answer of another of them."""
    places = _some(answers.places, strength, random)
    changed = answers.rows.scores.copy()
    changed[places] = changed[random.permutation(places)]
    return answers.with_scores(changed)


def overconfident(answers: Answers, strength: float, _: np.random.Generator) -> Judged:
    """Probabilities pushed to the ends: logits times 1 + strength. Ranks and decisions stay."""
    scores = answers.rows.scores
    if answers.task == "multiclass":
        powers = np.clip(scores, _EDGE, 1.0) ** (1 + strength)
        return answers.with_scores(powers / powers.sum(axis=1, keepdims=True))
    if answers.task == "binary":
        changed = _probability(_logit(scores) * (1 + strength))
        return replace(answers.rows, scores=changed)
    centre = scores.mean()
    return answers.with_scores(centre + (1 + strength) * (scores - centre))


def biased(answers: Answers, strength: float, _: np.random.Generator) -> Judged:
    """Answers pushed one way in a group: logits, or standard deviations of a number.

    The sign of `strength` says which way; of several classes it is the first that is favoured.
    """
    places, scores = answers.places, answers.rows.scores.copy()
    match answers.task:
        case "binary":
            scores[places] = _probability(_logit(scores[places]) + strength)
        case "multiclass":
            pushed = scores[places] * np.exp(strength * (np.arange(scores.shape[1]) == 0))
            scores[places] = pushed / pushed.sum(axis=1, keepdims=True)
        case _:
            scores[places] += strength * answers.unit
    return answers.with_scores(scores)


def twin(answers: Answers, strength: float, random: np.random.Generator) -> Judged:
    """The answers of a model that is neither better nor worse than another twin."""
    scores = answers.rows.scores
    noise = random.normal(size=scores.shape)
    if answers.task == "binary":
        logits = _logit(scores)
        return answers.with_scores(_probability(logits + strength * float(logits.std()) * noise))
    if answers.task == "multiclass":
        logs = np.log(np.clip(scores, _EDGE, 1.0))
        moved = np.exp(logs + strength * float(logs.std()) * noise)
        return answers.with_scores(moved / moved.sum(axis=1, keepdims=True))
    ranks = answers.task == "ranking"
    spread = answers.unit if ranks else float(np.std(answers.rows.truth - scores))
    return answers.with_scores(scores + strength * spread * noise)


def _some(places: Places, share: float, random: np.random.Generator) -> Places:
    return np.sort(random.permutation(places)[: round(min(share, 1.0) * len(places))])


def _logit(share: Floats) -> Floats:
    inner = np.clip(share, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inner / (1 - inner)))


def _probability(logit: Floats) -> Any:
    return 1 / (1 + np.exp(-logit))
