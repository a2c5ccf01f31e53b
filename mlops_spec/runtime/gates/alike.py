"""Two models that answer every row alike: no comparison of them passes, and none fails.

What they share on these rows says nothing of other rows, and there is nothing to promote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from mlops_spec.runtime.declare import Gates
from mlops_spec.terms.verdict import Outcome, Verdict

_TOLD: Final = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE})


def undecided(verdicts: Iterable[Verdict], gates: Gates) -> Iterator[Verdict]:
    """Verdicts on such a pair: what was told is inconclusive; errors and no data stay."""
    for verdict in verdicts:
        yield _undecided(verdict, gates) if verdict.outcome in _TOLD else verdict


def _undecided(verdict: Verdict, gates: Gates) -> Verdict:
    return replace(
        verdict,
        outcome=Outcome.INCONCLUSIVE,
        reason=(
            "both answer every row alike: nothing to promote; "
            f"on_inconclusive: {gates.on_inconclusive} decides"
        ),
        n_enough=None,
        parts=tuple(undecided(verdict.parts, gates)),
    )
