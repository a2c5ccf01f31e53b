"""McNemar's test that neither of two models is right more often on the same rows.

McNemar, Psychometrika 12 (1947) 153-157. Only the rows that one model alone has right speak. It
tests a difference of 0 and nothing else: a margin needs `proportions.paired_difference`.
"""

from __future__ import annotations

from scipy.special import bdtr, chdtrc
from scipy.stats import binom

from mlops_spec.stats.significance import Significance, untested

_NO_DISCORDANT = "no row on which one model alone is right"


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value, 2 P(Bin(b + c, 1/2) <= min(b, c)); 1 without such rows."""
    discordant = only_first + only_second
    if discordant == 0:
        return 1.0
    tail = bdtr(min(only_first, only_second), discordant, 0.5)
    return min(1.0, 2 * float(tail))


def mid_p(only_first: int, only_second: int) -> Significance:
    """The two-sided mid-p test: the exact p-value less P(Bin(b + c, 1/2) = min(b, c)).

    Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013) 91: nearly as powerful
    as the asymptotic test, and rarely above its level. The statistic is min(b, c).
    """
    discordant = only_first + only_second
    if discordant == 0:
        return untested(0, _NO_DISCORDANT)
    fewer = min(only_first, only_second)
    below = 2 * float(bdtr(fewer, discordant, 0.5)) - float(binom.pmf(fewer, discordant, 0.5))
    return Significance(fewer, min(1.0, below), discordant)


def chi_square(only_first: int, only_second: int) -> Significance:
    """The asymptotic test (b - c)² / (b + c), one degree of freedom; from about b + c = 25 on."""
    discordant = only_first + only_second
    if discordant == 0:
        return untested(0, _NO_DISCORDANT)
    statistic = (only_first - only_second) ** 2 / discordant
    return Significance(statistic, float(chdtrc(1, statistic)), discordant)
