"""From what both arms did to verdicts. Pure: no clock, no files.

Harm is a bound beyond the limit; a pass is the other bound within it; anything else waits. No
data, NaN and too few requests are never a pass. Arms are compared only within one step: pooling
steps of different weights reverses effects (Simpson).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from mlops_spec.runtime.declare import Limits
from mlops_spec.stats import sequential
from mlops_spec.stats.sequential import Floats
from mlops_spec.terms.verdict import Outcome, Verdict, worst

# p99 is over its limit when more than this share of answers is slower than the limit.
SLOW: Final = 0.01
NO_CONTROL: Final = "no production to compare with"

EMPTY: Final[Floats] = np.array([], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Arm:
    """One version in one step. `seconds`: of every request, failed ones too."""

    failed: int = 0
    seconds: Floats = field(default_factory=lambda: EMPTY)
    scores: Floats = field(default_factory=lambda: EMPTY)

    @property
    def requests(self) -> int:
        return len(self.seconds)


@dataclass(frozen=True, slots=True)
class Arms:
    """A canary step so far. `control` answers at the same time; None when the candidate has it all.

    `reference`: production's scores from this step; None at 100 %, and without production.
    """

    candidate: Arm
    control: Arm | None
    reference: Floats | None

    @property
    def requests(self) -> int:
        return self.candidate.requests


@dataclass(frozen=True, slots=True)
class Pairs:
    """A shadow step so far: what production answered, and what the candidate made of it."""

    answered: int  # by production, well
    matched: int  # of these, answered by the candidate too
    compared: int  # of these, in both prediction logs
    agreed: int
    production: Floats
    candidate: Floats

    @property
    def requests(self) -> int:
        return self.answered


@dataclass(frozen=True, slots=True)
class Levels:
    """The error levels of one look; `promote` is None while a pass is not yet possible."""

    look: int
    harm: float
    promote: float | None

    @property
    def shown(self) -> float:
        """The level of a displayed upper bound when nothing can pass yet."""
        return self.harm if self.promote is None else self.promote


def judge_canary(arms: Arms, limits: Limits, levels: Levels) -> tuple[Verdict, ...]:
    """Errors, p99 and score shift; the last only with a limit and a production to compare with."""
    verdicts = (judge_errors(arms, limits.errors, levels), judge_p99(arms, limits.p99, levels))
    if arms.reference is None or limits.score_shift is None:
        return verdicts
    scores = arms.candidate.scores
    return (*verdicts, judge_shift(scores, arms.reference, limits.score_shift, levels))


def judge_shadow(
    pairs: Pairs, min_agreement: float, limits: Limits, levels: Levels
) -> tuple[Verdict, ...]:
    """Agreement, unanswered copies (as errors), and score shift where it has a limit."""
    missing = pairs.answered - pairs.matched
    lost = Share("lost copies", missing, pairs.answered, limits.errors)
    verdicts = (judge_agreement(pairs, min_agreement, levels), _judge_share(lost, None, levels))
    if limits.score_shift is None:
        return verdicts
    shift = judge_shift(pairs.candidate, pairs.production, limits.score_shift, levels)
    return (*verdicts, shift)


@dataclass(frozen=True, slots=True)
class Share:
    """A count of what must be rare, out of n, and the share that is tolerated."""

    check: str
    count: int
    n: int
    limit: float

    @property
    def rate(self) -> float:
        return self.count / self.n if self.n else 0.0


def judge_errors(arms: Arms, limit: float, levels: Levels) -> Verdict:
    """Share of failed answers: 5xx, a time-out or a reset, as the router saw it.

    Harm needs both: the candidate's exact lower bound above the limit, and Newcombe's lower bound
    of candidate minus production above 0. When both arms fail alike, the network or the machine
    may be the cause: that is inconclusive, and still no promotion.
    """
    mine = _failures(arms.candidate, limit)
    control = _failures(arms.control, limit) if arms.control else None
    verdict = _judge_share(mine, control, levels)
    if control is None or not control.n or not mine.n:
        return verdict
    return replace(verdict, reason=f"{verdict.reason}; production {control.rate:.4g}")


def judge_p99(arms: Arms, limit: float, levels: Levels) -> Verdict:
    """99th percentile of the answer time, by the share of answers slower than the limit.

    `p99 > limit` says that more than 1 % are slower; its exact bounds are those of the order
    statistics (David and Nagaraja). Compared with production as errors are.
    """
    control = _slow_answers(arms.control, limit) if arms.control else None
    verdict = _judge_share(_slow_answers(arms.candidate, limit), control, levels)
    if not arms.requests:
        return verdict
    seconds = arms.candidate.seconds
    low, high = sequential.quantile_bounds(seconds, 1 - SLOW, levels.harm, levels.shown)
    reason = verdict.reason
    if arms.control and arms.control.requests:
        reason += f"; production {_p99(arms.control.seconds):.3g} s"
    return Verdict(
        "p99", verdict.outcome, _p99(seconds), low, high, arms.requests, f"{limit:g} s", reason,
        verdict.n_enough,
    )  # fmt: skip


def judge_agreement(pairs: Pairs, minimum: float, levels: Levels) -> Verdict:
    """Share of copies on which both versions decide alike, exact bounds."""
    differ = Share("agreement", pairs.compared - pairs.agreed, pairs.compared, 1 - minimum)
    found = _judge_share(differ, None, levels)
    limit = f"at least {minimum:.4g}"
    if found.estimate is None or found.low is None or found.high is None:
        return Verdict("agreement", found.outcome, limit=limit, reason=found.reason)
    return Verdict(
        "agreement", found.outcome, 1 - found.estimate, 1 - found.high, 1 - found.low,
        pairs.compared, limit, found.reason, found.n_enough,
    )  # fmt: skip


def judge_shift(scores: Floats, reference: Floats, limit: float, levels: Levels) -> Verdict:
    """Kolmogorov-Smirnov distance D of the candidate's scores from production's.

    Harm: `D - c(harm) sqrt((n+m)/nm) > limit`. Pass: `D + c(promote) sqrt((n+m)/nm) <= limit`.
    There is no way around the second: where the margin alone is wider than the limit, n is too
    small to pass, and the step waits for more.
    """
    check, shown = "score shift", f"{limit:g}"
    n = len(scores)
    distance = sequential.ks_distance(scores, reference)
    if np.isnan(distance):
        return Verdict(check, Outcome.NO_DATA, n=n, limit=shown, reason=_no_scores(n, reference))
    low = distance - float(sequential.ks_margin(n, len(reference), levels.harm))
    high = distance + float(sequential.ks_margin(n, len(reference), levels.shown))
    outcome = _outcome(harm=low > limit, within=high <= limit, levels=levels)
    enough = None
    if outcome is Outcome.INCONCLUSIVE and distance < limit:
        enough = int(np.ceil(n * ((high - distance) / (limit - distance)) ** 2))
    reason = f"look {levels.look}; production m={len(reference)}"
    return Verdict(
        check, outcome, distance, max(low, 0.0), min(high, 1.0), n, shown, reason, enough
    )


def together(verdicts: Sequence[Verdict]) -> Outcome:
    """Harm on any metric is harm; a pass needs every one."""
    outcomes = [verdict.outcome for verdict in verdicts]
    return Outcome.FAIL if Outcome.FAIL in outcomes else worst(outcomes)


def _judge_share(mine: Share, control: Share | None, levels: Levels) -> Verdict:
    limit = f"{mine.limit:.4g}"
    if mine.n == 0:
        return Verdict(mine.check, Outcome.NO_DATA, limit=limit, reason="no requests")
    low = float(sequential.share_lower(mine.count, mine.n, levels.harm))
    high = float(sequential.share_upper(mine.count, mine.n, levels.shown))
    beyond = low > mine.limit
    worse = control is None or _worse_than(mine, control, levels)
    outcome = _outcome(harm=beyond and worse, within=high <= mine.limit, levels=levels)
    reason = f"look {levels.look}"
    if beyond and not worse:
        reason += "; no worse than production at the same time: both arms suffer"
    enough = _enough(mine, levels) if outcome is Outcome.INCONCLUSIVE else None
    return Verdict(mine.check, outcome, mine.rate, low, high, mine.n, limit, reason, enough)


def _worse_than(mine: Share, control: Share, levels: Levels) -> bool:
    if control.n == 0:
        return True  # nothing shows that production suffers too: harm stays harm
    bound = sequential.difference_lower(mine.count, mine.n, control.count, control.n, levels.harm)
    return bool(bound > 0)


def _outcome(*, harm: bool, within: bool, levels: Levels) -> Outcome:
    if harm:
        return Outcome.FAIL
    return Outcome.PASS if within and levels.promote is not None else Outcome.INCONCLUSIVE


def _failures(arm: Arm, limit: float) -> Share:
    return Share("errors", arm.failed, arm.requests, limit)


def _slow_answers(arm: Arm, limit: float) -> Share:
    # Not `> limit`: a time that is NaN is not known to be fast.
    return Share("p99", int((~(arm.seconds <= limit)).sum()), arm.requests, SLOW)


def _p99(seconds: Floats) -> float:
    # A value that was seen: interpolation would make NaN of two answers that never came.
    return float(np.quantile(seconds, 1 - SLOW, method="inverted_cdf"))


def _enough(mine: Share, levels: Levels) -> int | None:
    """Requests that would pass at today's rate, to a factor of 2; None if none would."""
    times = 2.0 ** np.arange(1, 13)
    upper = sequential.share_upper(mine.count * times, mine.n * times, levels.shown)
    passing = times[upper <= mine.limit]
    return int(mine.n * passing[0]) if len(passing) else None


def _no_scores(n: int, reference: Floats) -> str:
    if n == 0:
        return "the candidate recorded no score"
    return "production recorded no score" if len(reference) == 0 else "a score is NaN"
