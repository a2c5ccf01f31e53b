"""Gate replay: the recorded candidates under other gates, with no training and no model loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from mlops_spec.runtime.declare import Gates
from mlops_spec.runtime.gates.budget import judged_by, spent
from mlops_spec.runtime.gates.decide import decide
from mlops_spec.runtime.gates.reread import reread
from mlops_spec.state import Step
from mlops_spec.terms.verdict import Outcome, Verdict, worst
from mlops_spec.terms.workspace import Workspace

LAST: Final = 10  # candidates


@dataclass(frozen=True, slots=True)
class Flip:
    """A verdict that is another now. `before` is "" for a rule that is new, `after` for one gone.

    `line` is the verdict of the changed gates, on one line.
    """

    check: str
    before: str
    after: str
    line: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """A candidate then and now. `after` is "" where it cannot be told, and `untold` says why."""

    run: str
    version: str
    at: float
    before: str
    after: str
    flips: tuple[Flip, ...] = ()
    untold: tuple[str, ...] = ()

    @property
    def lost(self) -> bool:
        """Whether it was let through, and would not be."""
        return self.before == Outcome.PASS and self.after not in ("", Outcome.PASS)

    @property
    def won(self) -> bool:
        """Whether it was refused, and would be let through."""
        return self.before != Outcome.PASS and self.after == Outcome.PASS

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Past:
    """A gate decision as the journal has it; `version` is "" for a run that was not registered.

    `judged`: the candidates that its held-out rows had judged by then, 0 where nothing says so.
    """

    step: Step
    version: str = ""
    judged: int = 0


def candidates(
    gated: Sequence[Step], registered: Sequence[Step], now: Iterable[str], last: int = LAST
) -> tuple[Past, ...]:
    """The last decision on each of the newest runs, newest first.

    `now` are the digests of decisions that were taken under the changed gates already: the one
    before them is what a replay is compared with, where there is one.
    """
    decided_now = frozenset(now)
    of_run: dict[str, Step] = {}
    for step in sorted(gated, key=lambda s: (s.digest not in decided_now, s.finished_at or 0.0)):
        if step.status == "done":
            of_run[step.run] = step
    newest = sorted(of_run.values(), key=lambda s: s.finished_at or 0.0, reverse=True)[:last]
    versions = {s.run: str(s.output.get("version", "")) for s in registered if s.status == "done"}
    return tuple(Past(step, versions.get(step.run, ""), judged_by(step, gated)) for step in newest)


def replay(workspace: Workspace, gates: Gates, past: Sequence[Past]) -> tuple[Replayed, ...]:
    """Decide again on each. What is missing or damaged is said of its candidate, never raised."""
    return tuple(_replayed(workspace, gates, one) for one in past)


def _replayed(workspace: Workspace, gates: Gates, past: Past) -> Replayed:
    step = past.step
    before = str(step.output.get("outcome", ""))
    told = Replayed(step.run, past.version, step.finished_at or 0.0, before, "")
    found = reread(workspace.run(step.run), gates, str(step.output.get("baseline", "")))
    if isinstance(found, str):
        return replace(told, untold=(found,))
    verdicts = (
        *decide(found.answerable(gates), found.evidence, found.task),
        *spent(gates, past.judged),
    )
    outcome = worst(verdict.outcome for verdict in verdicts)
    # One rule that does not pass is enough to stop a candidate; a pass needs all of them.
    untold = found.missing if outcome is Outcome.PASS else ()
    flips = tuple(_flips(_recorded_verdicts(step), verdicts, partly=bool(found.missing)))
    return replace(told, after="" if untold else outcome.value, flips=flips, untold=untold)


def _recorded_verdicts(step: Step) -> tuple[Verdict, ...]:
    """The verdicts of then; none of a record that another version wrote in another form."""
    try:
        return tuple(Verdict.from_json(found) for found in step.output.get("verdicts", ()))
    except (TypeError, ValueError, KeyError):
        return ()


def _flips(before: Iterable[Verdict], after: Iterable[Verdict], *, partly: bool) -> Iterator[Flip]:
    """What differs in outcome. `partly`: not all rules were decided; then none counts as gone."""
    then, now = _by_question(before), _by_question(after)
    for question, verdict in now.items():
        old = then.get(question)
        if (old.outcome if old else Outcome.PASS) is not verdict.outcome:
            yield Flip(
                verdict.check, old.outcome.value if old else "", verdict.outcome.value,
                verdict.line(),
            )  # fmt: skip
    for question, verdict in then.items():
        if question not in now and not partly and verdict.outcome is not Outcome.PASS:
            said = f"{verdict.check}: no longer asked"
            yield Flip(verdict.check, verdict.outcome.value, "", said)


def _by_question(verdicts: Iterable[Verdict]) -> dict[tuple[str, str, int], Verdict]:
    """By what was asked and from which side, so that a moved limit is the same question."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, str, int], Verdict] = {}
    for verdict in verdicts:
        question = (verdict.check, "".join(c for c in verdict.limit if c in "≥≤<>"))
        found[(*question, seen[question])] = verdict
        seen[question] += 1
    return found


def summary(replayed: Sequence[Replayed]) -> str:
    """What the change would have meant, in a sentence."""
    lost = [one for one in replayed if one.lost]
    won = [one for one in replayed if one.won]
    untold = [one for one in replayed if not one.after]
    if len(replayed) == 1:
        return f"the one candidate {_of_one(replayed[0])}"
    parts = [f"{len(lost)} would not have been promoted: {_named(lost)}"] if lost else []
    parts += [f"{len(won)} that stopped would have been promoted: {_named(won)}"] if won else []
    parts += [f"{len(untold)} cannot be told"] if untold else []
    if len(untold) == len(replayed):
        parts = ["none can be told"]
    elif not lost and not won:
        parts = ["no promotion would have gone another way", *parts]
    return f"of the last {len(replayed)} candidates {'; '.join(parts)}"


def _of_one(one: Replayed) -> str:
    if not one.after:
        return "cannot be told"
    if not one.lost and not one.won:
        return "would have gone the same way"
    said = "would not have been promoted" if one.lost else "that stopped would have been promoted"
    return f"{said}: {_named((one,))}"


def _named(replayed: Iterable[Replayed]) -> str:
    return ", ".join(f"{name_of(one)}{_because(one)}" for one in replayed)


def name_of(one: Replayed) -> str:
    """A version, or a run that never became one."""
    return f"version {one.version}" if one.version else f"run {one.run[:8]}"


def _because(one: Replayed) -> str:
    checks = [flip.check for flip in one.flips if flip.after != Outcome.PASS]
    return f" ({', '.join(checks)})" if checks and one.lost else ""
