"""The confidence at which each of several groups is judged, so that all intervals hold together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import ndtr

from mlops_spec.runtime.declare import Against, AtLeast, AtMost
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.groups import Places
from mlops_spec.stats import influence
from mlops_spec.stats.estimate import Floats, two_sided
from mlops_spec.stats.influence import Influenced
from mlops_spec.stats.max_t import max_t
from mlops_spec.stats.metrics import influenced
from mlops_spec.stats.multiplicity import bonferroni_level
from mlops_spec.stats.resample import Units, of_rows

# Numbers in the table of influences, one for each unit and group: 250 MB.
_MOST: Final = 30_000_000
_SEED: Final = 0
# What a metric needs of each group.
_NEGATIVES: Final = frozenset({"roc_auc", "average_precision", "balanced_accuracy"})
_POSITIVES: Final = _NEGATIVES | {"recall", "f1"}
_SAID: Final = frozenset({"precision", "f1"})


def sidak(confidence: float, groups: int) -> float:
    """One-sided confidence of each group when no row, and no unit, is in two: c^(1/k).

    Exact for independent groups (Šidák, JASA 62 (1967) 626-633), as the largest t would be.
    """
    return float(confidence ** (1 / max(groups, 1)))


def joint(
    rule: AtLeast | AtMost | Against,
    confidence: float,
    parts: Sequence[tuple[Places, Evidence]],
    units: Units,
) -> tuple[float, str]:
    """The same where units stand in several groups, and the method's name.

    The largest t over influences summed within units; Bonferroni where there are none.
    """
    strict = bonferroni_level(confidence, len(parts))
    if len(parts) < 2 or len(parts) * units.count > _MOST:
        return strict, "Bonferroni"
    found = [_in_units(rule, evidence, places, units) for places, evidence in parts]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return strict, "Bonferroni"
    critical = max_t(known, of_rows(units.count), two_sided(confidence), _SEED).critical
    if not math.isfinite(critical):
        return strict, "Bonferroni"
    # Never wider than Bonferroni, and never as if there were one group.
    return float(np.clip(ndtr(critical), confidence, strict)), "max-T"


def _in_units(
    rule: AtLeast | AtMost | Against, evidence: Evidence, places: Places, units: Units
) -> Influenced | None:
    """The group's metric as a mean over units; 0 where a unit has no row in the group."""
    found = _influenced(rule, evidence)
    if found is None or units.of_row is None:
        return None
    sums = np.bincount(units.of_row[places], weights=found.influence, minlength=units.count)
    scaled: Floats = sums.astype(np.float64) * units.count / len(places)
    return Influenced(found.value, scaled, found.n)


def _influenced(rule: AtLeast | AtMost | Against, evidence: Evidence) -> Influenced | None:
    candidate = influenced(rule.metric, evidence.candidate)
    if candidate is None or not isinstance(rule, Against):
        return candidate
    assert evidence.production is not None
    production = influenced(rule.metric, evidence.production)
    return None if production is None else influence.minus(candidate, production)


def rarest(rule: AtLeast | AtMost | Against, rows: Evidence) -> tuple[int, str]:
    """How many there are of what the metric needs most and has least, and what that is."""
    candidate = rows.candidate
    counts = [(len(candidate.truth), "rows")]
    if candidate.positive is None:
        return counts[0]
    positives = int(candidate.is_positive.sum())
    if rule.metric in _POSITIVES:
        counts.append((positives, "positives"))
    if rule.metric in _NEGATIVES:
        counts.append((len(candidate.truth) - positives, "negatives"))
    if rule.metric in _SAID:
        answers = [candidate]
        if isinstance(rule, Against) and rows.production is not None:
            answers.append(rows.production)
        counts += [(int(one.said_positive.sum()), "positive decisions") for one in answers]
    return min(counts)
