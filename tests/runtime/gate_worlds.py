"""Rows in groups with truth and answers, for gates that look at groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlops_spec.runtime.declare import Gates
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.stats.judged import Judged
from mlops_spec.stats.resample import of_clusters
from mlops_spec.terms.verdict import Verdict


def answers(truth, right, seed=0):
    """A binary model that is right on a row with its chance; scores lie on the side it decides."""
    random = np.random.default_rng(seed)
    hit = random.random(len(truth)) < right
    decided = np.where(hit, truth, 1 - truth)
    score = np.where(decided == 1, 0.5, 0.0) + random.uniform(0.01, 0.49, len(truth))
    return Judged(truth, score, decided, positive=1)


def grouped_rows(sizes, right, base=0.4, seed=0, before=None):
    """Groups a, b, c … of these sizes; `right` is the chance of a right answer, one a group.

    `before`: the same of production, which answers the same rows.
    """
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    truth = (random.random(len(group)) < np.broadcast_to(base, len(sizes))[group]).astype(np.int64)
    names = np.array([chr(ord("a") + k) for k in range(len(sizes))], dtype=object)
    candidate = answers(truth, np.broadcast_to(right, len(sizes))[group], seed + 1)
    production = None
    if before is not None:
        production = answers(truth, np.broadcast_to(before, len(sizes))[group], seed + 2)
    return Evidence(candidate, production, rows=pd.DataFrame({"g": names[group]}))


def clustered(evidence: Evidence, labels: Sequence[object]) -> Evidence:
    from dataclasses import replace

    return replace(evidence, units=of_clusters(np.asarray(labels)))


def verdict(rule, evidence, task="binary", **settings) -> Verdict:
    """The verdict of one rule."""
    return decide(Gates((rule,), **settings), evidence, task)[0]


def parts(found: Verdict) -> list[tuple[str, str]]:
    return [(part.check, part.outcome.value) for part in found.parts]
