"""The steps of a monitor's look: read the prediction log, compare, judge, record.

Which time "now" is, and which rows are compared with which: docs/adr/0041.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Dataset, Drift, Recipe
from mlops_spec.runtime.monitor import drift as drifting
from mlops_spec.runtime.monitor import performance as performing
from mlops_spec.runtime.monitor.answers import WALL, Answers
from mlops_spec.runtime.monitor.labels import has_label, keys_of, labelled, labels
from mlops_spec.runtime.monitor.performance import Performance
from mlops_spec.runtime.monitor.profile import Profile, counted_rows
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment, Window, Windows
from mlops_spec.terms.verdict import Outcome, Verdict, worst

if TYPE_CHECKING:
    import pandas as pd

Arrived = Callable[[AbstractSet[str]], "pd.Series[str]"]  # the labels of some keys
Rows = Callable[["pd.DataFrame"], "pd.Series[bool]"]
# Times the first days after promotion: some of their first rows may have no label.
_MORE_DAYS: Final = 1.25
# A window's end stands on a grid of this many steps a window, so that looks within a step are one.
LOOKS_PER_WINDOW: Final = 24
# A monitor that was away looks back this many windows; older ones stay unlooked at.
MOST_MISSED: Final = 26


@dataclass(frozen=True, slots=True)
class Look:
    """What production answered from `start` to `end` (seconds); `answers` reads its log."""

    production: Deployment
    start: float
    end: float
    answers: Answers
    traffic: Verdict


@dataclass(frozen=True, slots=True)
class Compared:
    """The window's distances, the counts that they were made of, and of how many rows."""

    verdicts: tuple[Verdict, ...]
    before: Profile
    now: Profile
    rows: int = 0


def look(context: Context, dataset: Dataset, drift: Drift, until: str | None) -> Look:
    """Open the prediction log of the release that serves, and place the window.

    Rows follow the event time when the Dataset has one and rows carry it, else the wall clock. The
    window ends at `until` (ISO 8601; UTC without a zone), or else after the newest row that is not
    in the future.
    """
    from mlops_spec.runtime.service import log_files

    production = context.deployments.production(context.model)
    if production is None:
        raise Refusal(
            "MLS709",
            f"{context.model} has no production release, so there is nothing to monitor",
            "run `spec apply` first",
        )
    folder = context.workspace.predictions(context.model, production.release)
    for release in folder.parent.glob("*"):
        log_files.merge(release)  # nobody else looks as regularly as a monitor
    answers = Answers(folder, by_event=dataset.time is not None)
    now = context.store.clock()
    end = _seconds_of(until) if until is not None else _end(answers, now, drift)
    traffic = _traffic(answers, now, drift) if until is None else _asked(answers, until)
    return Look(production, end - drift.window, end, answers, traffic)


def missed(context: Context, drift: Drift, seen: Look) -> tuple[Look, ...]:
    """The whole windows before `seen` that nobody has looked at, oldest first.

    Each is seen as it would have been then: rows that came later are not in it. A breach in one of
    them is history for the page; only the newest window starts a retraining.
    """
    first = seen.answers.first() - drift.window / LOOKS_PER_WINDOW
    windows = Windows(context.store, context.environment).of(context.model)
    known = [w.end for w in windows if w.release == seen.production.release]
    ends = (seen.end - number * drift.window for number in range(MOST_MISSED, 0, -1))
    earlier = (_earlier(seen, end, drift) for end in ends if not _near(end, known, drift))
    return tuple(look for look in earlier if look.start >= first)


def _near(end: float, known: list[float], drift: Drift) -> bool:
    return any(abs(end - other) < drift.window / 2 for other in known)


def _earlier(seen: Look, end: float, drift: Drift) -> Look:
    n = seen.answers.count(end)
    traffic = Verdict("traffic", Outcome.PASS, n=n, reason="looked at later")
    return replace(seen, start=end - drift.window, end=end, traffic=traffic)


def compare(context: Context, recipe: Recipe, drift: Drift, seen: Look) -> Compared:
    """Every watched column of the window against the baseline of the model that serves."""
    before = _baseline(context, seen.production.run)
    rows = seen.answers.between(seen.start, seen.end, [*before.columns])
    if recipe.task == "multiclass":
        rows = rows.assign(score=rows["decision"])
    now = counted_rows(rows, before)
    return Compared(drifting.verdicts(before, now, drift), before, now, len(rows))


def perform(
    context: Context, dataset: Dataset, recipe: Recipe, drift: Drift, seen: Look
) -> Performance:
    """The primary metric where labels have arrived, against the first days after promotion.

    Until those days are over and no longer overlap the window, the held-out rows are the baseline.
    Labels that cannot be read are an error of this check; drift is judged without them.
    """
    end = performing.matured(dataset, seen.end)
    start = end - drift.performance_window
    rows = seen.answers.between(start, end)

    def arrived(early: AbstractSet[str]) -> pd.Series[str]:
        return labels(context.root, dataset, keys_of(rows) | early)

    try:
        early, known = _first_labelled(seen, arrived, drift, start)
    except Refusal as refusal:
        return performing.unreadable(recipe, drift, f"{refusal.message}; {refusal.help}")
    now = labelled(rows, known)
    if len(early) and len(early) >= drift.performance_min_rows:
        days = f"the first {drift.baseline / 86400:g} days after promotion"
        return performing.judge(now, early, days, recipe, drift)
    held_out = _held_out(context, seen.production.run)
    return performing.judge(now, held_out, "held-out evaluation", recipe, drift)


def _first_labelled(
    seen: Look, arrived: Arrived, drift: Drift, start: float
) -> tuple[pd.DataFrame, pd.Series[str]]:
    """The labelled rows of the first days after promotion; none while they reach into `start`.

    And the labels that were asked for. The days begin with the first row that has one, so labels
    are asked for of somewhat more days, and of yet more where they begin later.
    """

    def promoted(rows: pd.DataFrame) -> pd.Series[bool]:
        return rows[WALL] >= seen.production.since

    latest = start - drift.baseline
    begun = seen.answers.first(promoted, latest)
    reach = min(start, begun + _MORE_DAYS * drift.baseline)
    while True:
        known = arrived(keys_of(seen.answers.between(begun, reach)))
        wanted = partial(_labelled_of, promoted, known)
        first = seen.answers.first(wanted, min(reach, latest))
        if not math.isfinite(first) and reach >= start:
            return labelled(seen.answers.between(start, start), known), known
        if first + drift.baseline <= reach:
            rows = seen.answers.between(first, first + drift.baseline)
            return labelled(rows[promoted(rows)], known), known
        later = first if math.isfinite(first) else begun + 3 * (reach - begun)
        reach = min(start, later + drift.baseline)


def _labelled_of(promoted: Rows, known: pd.Series[str], rows: pd.DataFrame) -> pd.Series[bool]:
    return promoted(rows) & has_label(rows, known)


def record(context: Context, seen: Look, compared: Compared, judged: Performance) -> Window:
    """Write the window to the state: a second look at the same window replaces the first."""
    verdicts = (seen.traffic, *compared.verdicts, judged.verdict)
    window = Window(
        context.model,
        seen.production.release,
        seen.start,
        seen.end,
        worst(verdict.outcome for verdict in verdicts).value,
        tuple(verdict.to_json() for verdict in verdicts),
        context.store.clock(),
    )
    Windows(context.store, context.environment).save(window)
    return window


def _seconds_of(until: str) -> float:
    try:
        found = datetime.fromisoformat(until)
    except ValueError as error:
        raise Refusal(
            "MLS709",
            f"until is {until!r}; an ISO 8601 time is expected",
            "write it like 2013-07-01T00:00:00+00:00",
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _end(answers: Answers, now: float, drift: Drift) -> float:
    """The end of the grid step that holds the newest row; a row in the future does not move it."""
    past = answers.last(until=now)
    newest = past if math.isfinite(past) else now
    step = drift.window / LOOKS_PER_WINDOW
    return (math.floor(newest / step) + 1) * step


def _traffic(answers: Answers, now: float, drift: Drift) -> Verdict:
    """That predictions come at all: the newest row would otherwise stay "now" for ever."""
    hours = drift.window / 3600
    n = answers.count()
    if not n:
        return Verdict("traffic", Outcome.NO_DATA, reason="the prediction log is empty")
    silence = max(0.0, now - answers.last(WALL)) / 3600
    outcome = Outcome.PASS if silence <= hours else Outcome.NO_DATA
    return Verdict(
        "traffic", outcome, silence, n=n, limit=f"{hours:g} h",
        reason="hours since the last prediction",
    )  # fmt: skip


def _asked(answers: Answers, until: str) -> Verdict:
    n = answers.count()
    outcome = Outcome.PASS if n else Outcome.NO_DATA
    return Verdict("traffic", outcome, n=n, reason=f"as of {until}, as asked")


def _baseline(context: Context, run: str) -> Profile:
    path = context.workspace.run(run) / "profile.json"
    try:
        return Profile.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(
            "MLS709",
            f"the baseline of run {run} cannot be read: {type(error).__name__}: {error}",
            f"train {context.model} again; its run folder is damaged or gone",
        ) from error


def _held_out(context: Context, run: str) -> pd.DataFrame:
    import pandas as pd

    path = context.workspace.run(run) / "heldout.parquet"
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise Refusal(
            "MLS709",
            f"the held-out rows of run {run} cannot be read: {error}",
            f"train {context.model} again; its run folder is damaged or gone",
        ) from error
