"""The steps of a monitor's look: read the prediction log, compare, judge, record.

Which time "now" is, and which rows are compared with which: docs/adr/0041.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Dataset, Drift, Recipe
from mlops_spec.runtime.monitor import drift as drifting
from mlops_spec.runtime.monitor import performance as performing
from mlops_spec.runtime.monitor.performance import Performance
from mlops_spec.runtime.monitor.profile import Profile, counted_rows
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment, Window, Windows
from mlops_spec.terms.verdict import Outcome, Verdict, worst

if TYPE_CHECKING:
    import pandas as pd

# A window's end stands on a grid of this many steps a window, so that looks within a step are one.
LOOKS_PER_WINDOW: Final = 24
# A monitor that was away looks back this many windows; older ones stay unlooked at.
MOST_MISSED: Final = 26
# Columns beside those of the log; no feature is named like this.
AT: Final = "placed.at"
WALL: Final = "placed.wall"


@dataclass(frozen=True, slots=True)
class Look:
    """What production answered, as of `end`; AT and WALL of a row are its times in seconds."""

    production: Deployment
    clock: Literal["event", "wall"]
    start: float
    end: float
    rows: pd.DataFrame
    traffic: Verdict

    def between(self, start: float, end: float) -> pd.DataFrame:
        """The rows from `start` up to `end`."""
        return self.rows[(self.rows[AT] >= start) & (self.rows[AT] < end)]


@dataclass(frozen=True, slots=True)
class Compared:
    """The window's distances, and the counts that they were made of."""

    verdicts: tuple[Verdict, ...]
    before: Profile
    now: Profile


def look(context: Context, dataset: Dataset, drift: Drift, until: str | None) -> Look:
    """Read the prediction log of the release that serves, and place the window.

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
    rows, clock = _placed(log_files.read(folder, None, None), dataset)
    now = context.store.clock()
    end = _seconds_of(until) if until is not None else _end(rows, now, drift)
    traffic = _traffic(rows, now, drift) if until is None else _asked(rows, until)
    return Look(production, clock, end - drift.window, end, rows, traffic)


def missed(context: Context, drift: Drift, seen: Look) -> tuple[Look, ...]:
    """The whole windows before `seen` that nobody has looked at, oldest first.

    Each is seen as it would have been then: rows that came later are not in it. A breach in one of
    them is history for the page; only the newest window starts a retraining.
    """
    if not len(seen.rows):
        return ()
    first = float(seen.rows[AT].min()) - drift.window / LOOKS_PER_WINDOW
    windows = Windows(context.store, context.environment).of(context.model)
    known = [w.end for w in windows if w.release == seen.production.release]
    ends = (seen.end - number * drift.window for number in range(MOST_MISSED, 0, -1))
    earlier = (_earlier(seen, end, drift) for end in ends if not _near(end, known, drift))
    return tuple(look for look in earlier if look.start >= first)


def _near(end: float, known: list[float], drift: Drift) -> bool:
    return any(abs(end - other) < drift.window / 2 for other in known)


def _earlier(seen: Look, end: float, drift: Drift) -> Look:
    rows = seen.rows[seen.rows[AT] < end]
    traffic = Verdict("traffic", Outcome.PASS, n=len(rows), reason="looked at later")
    return replace(seen, start=end - drift.window, end=end, rows=rows, traffic=traffic)


def compare(context: Context, recipe: Recipe, drift: Drift, seen: Look) -> Compared:
    """Every watched column of the window against the baseline of the model that serves."""
    before = _baseline(context, seen.production.run)
    rows = seen.between(seen.start, seen.end)
    if recipe.task == "multiclass":
        rows = rows.assign(score=rows["decision"])
    now = counted_rows(rows, before)
    return Compared(drifting.verdicts(before, now, drift), before, now)


def perform(
    context: Context, dataset: Dataset, recipe: Recipe, drift: Drift, seen: Look
) -> Performance:
    """The primary metric where labels have arrived, against the first days after promotion.

    Until those days are over and no longer overlap the window, the held-out rows are the baseline.
    Labels that cannot be read are an error of this check; drift is judged without them.
    """
    try:
        arrived = performing.labels(context.root, dataset)
    except Refusal as refusal:
        return performing.unreadable(recipe, drift, f"{refusal.message}; {refusal.help}")
    rows = performing.labelled(seen.rows, arrived)
    end = performing.matured(dataset, seen.end)
    start = end - drift.performance_window
    now = rows[(rows[AT] >= start) & (rows[AT] < end)]
    after_promotion = rows[rows[WALL] >= seen.production.since]
    first = float(after_promotion[AT].min()) if len(after_promotion) else math.inf
    early = after_promotion[after_promotion[AT] < first + drift.baseline]
    if first + drift.baseline <= start and len(early) >= drift.performance_min_rows:
        days = f"the first {drift.baseline / 86400:g} days after promotion"
        return performing.judge(now, early, days, recipe, drift)
    held_out = _held_out(context, seen.production.run)
    return performing.judge(now, held_out, "held-out evaluation", recipe, drift)


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


def _placed(log: pd.DataFrame, dataset: Dataset) -> tuple[pd.DataFrame, Literal["event", "wall"]]:
    """What users were answered, with AT and WALL. A row without event time has no place."""
    wall, event = _seconds(log["wall_time"]), _seconds(log["event_time"])
    clock: Literal["event", "wall"] = (
        "event" if dataset.time is not None and event.notna().any() else "wall"
    )
    rows = log.assign(**{AT: event if clock == "event" else wall, WALL: wall})
    answered = rows[rows[AT].notna() & ~rows["shadow"]]
    # The same event twice, repeated or replayed, is one row and not more evidence.
    again = answered.duplicated(["key", "event_time"], keep="last")
    whole = answered["key"].notna() & answered["event_time"].notna()
    return answered[~(again & whole)].sort_values(AT, kind="stable"), clock


def _seconds(times: pd.Series[Any]) -> pd.Series[float]:
    """Seconds since 1970 of times with a zone, of times in UTC without one, or of seconds."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(times):
        return times.astype("float64")
    # In microseconds: a client may send the year 9999, which nanoseconds do not reach.
    found = pd.to_datetime(times, utc=True, errors="coerce").dt.as_unit("us")
    return found.astype("int64").where(found.notna()) / 1e6


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


def _end(rows: pd.DataFrame, now: float, drift: Drift) -> float:
    """The end of the grid step that holds the newest row; a row in the future does not move it."""
    past = rows[AT][rows[AT] <= now]
    newest = float(past.max()) if len(past) else now
    step = drift.window / LOOKS_PER_WINDOW
    return (math.floor(newest / step) + 1) * step


def _traffic(rows: pd.DataFrame, now: float, drift: Drift) -> Verdict:
    """That predictions come at all: the newest row would otherwise stay "now" for ever."""
    hours = drift.window / 3600
    if not len(rows):
        return Verdict("traffic", Outcome.NO_DATA, reason="the prediction log is empty")
    silence = max(0.0, now - float(rows[WALL].max())) / 3600
    outcome = Outcome.PASS if silence <= hours else Outcome.NO_DATA
    return Verdict(
        "traffic", outcome, silence, n=len(rows), limit=f"{hours:g} h",
        reason="hours since the last prediction",
    )  # fmt: skip


def _asked(rows: pd.DataFrame, until: str) -> Verdict:
    outcome = Outcome.PASS if len(rows) else Outcome.NO_DATA
    return Verdict("traffic", outcome, n=len(rows), reason=f"as of {until}, as asked")


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
