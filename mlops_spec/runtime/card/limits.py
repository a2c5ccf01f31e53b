"""What the card does not say: in words, so that nobody reads a blank as a yes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.page.markup import text

# A word at the start of a check, and what was left unlooked at without one.
_UNASKED: Final = (
    ("segments.", "No gate holds groups of rows to a limit; a small group may be served badly."),
    ("fairness.", "No gate compares groups of people."),
    ("calibration.", "No gate asks whether the probabilities can be taken at their word."),
    ("latency ", "No gate times the model."),
    ("stability ", "It was not tried how decisions move when the inputs move a little."),
    ("leakage", "No gate looks for features that give the label away."),
    ("consistency", "No gate compares what the service will answer with what was evaluated, beyond "
     "the parity above."),
)  # fmt: skip
_OF_CLASSES: Final = frozenset({"fairness.", "calibration."})


def limits(found: Recorded) -> Section:
    said = "".join(f"<li>{text(sentence)}</li>" for sentence in sentences(found))
    return Section(
        "limits",
        "What this card does not show",
        "Read before signing.",
        f'<ul class="limits">{said}</ul>',
    )


def sentences(found: Recorded) -> Iterator[str]:
    """Each limit, the gravest first."""
    for gone in found.missing:
        yield f"Missing: {gone}."
    yield from _about_rows(found)
    checks = [verdict.check for verdict in found.decided.verdicts] if found.decided else []
    for start, sentence in _UNASKED:
        asked = any(check.startswith(start) for check in checks)
        if not asked and (found.task == "binary" or start not in _OF_CLASSES):
            yield sentence
    yield (
        "Nothing here was measured in service: shadow and canary see real requests, and the "
        "monitor what comes after."
    )


def _about_rows(found: Recorded) -> Iterator[str]:
    by = found.origin.get("split", {}).get("by")
    if by == "time":
        yield "The held-out rows are the newest ones there were; what comes later may differ."
    elif by == "random":
        yield (
            "The held-out rows are drawn at random from the same time as the training rows: this "
            "does not show how the model ages."
        )
    if isinstance(found.production, str):
        yield f"It is compared with no other model: {found.production}."
    if found.same_data > 1:
        yield (
            f"{found.same_data} runs have been judged on rows of this snapshot. The best of many "
            "looks better than it is."
        )
    verdicts = found.decided.verdicts if found.decided else ()
    # Calls are timed in blocks of their own, whatever is done about rows.
    of_rows = [v.method for v in verdicts if not v.check.startswith("latency ")]
    if not any("cluster" in method or "block" in method for method in of_rows):
        yield "The intervals take held-out rows as independent of each other."
    yield "Labels are taken as true, and rows without one are left out."
