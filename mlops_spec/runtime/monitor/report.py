"""The monitor's page: one HTML file without any outside part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.monitor import exposition
from mlops_spec.runtime.monitor.charts import bars
from mlops_spec.runtime.monitor.drift import MISSING, NEW_VALUES, TESTS
from mlops_spec.runtime.monitor.performance import Performance
from mlops_spec.runtime.monitor.retrain import SEPARATOR, Decision
from mlops_spec.runtime.monitor.steps import Compared, Look
from mlops_spec.runtime.page import series
from mlops_spec.runtime.page.markup import ORDER
from mlops_spec.runtime.page.markup import badge as _badge
from mlops_spec.runtime.page.markup import day as _day
from mlops_spec.runtime.page.series import Frame, Line, Point
from mlops_spec.runtime.page.style import page_of
from mlops_spec.state import Retraining, Retrainings, Window, Windows
from mlops_spec.terms.metrics import METRICS
from mlops_spec.terms.verdict import Outcome, Verdict

_PAGE: Final = Path(__file__).with_name("report_page.html")
# What a reader sees of a long history: the last windows.
_SHOWN: Final = 90
_EVENTS: Final = 21


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one look found, and what came of it."""

    seen: Look
    window: Window
    compared: Compared
    judged: Performance
    decision: Decision


@dataclass(frozen=True, slots=True)
class History:
    """What the state knows of a model, oldest first."""

    windows: Sequence[Window]
    retrainings: Sequence[Retraining]


def publish(context: Context, found: Findings) -> dict[str, str]:
    """Write `metrics.prom` and `index.html` of a model; their paths."""
    folder = context.workspace.report(context.model)
    history = History(
        Windows(context.store, context.environment).of(context.model)[-_SHOWN:],
        Retrainings(context.store, context.environment).of(context.model),
    )
    samples = exposition.exposition(found.window, found.judged)
    exposition.write(folder / "metrics.prom", samples)
    exposition.write(folder / "index.html", page(context.environment, found, history))
    return {"page": str(folder / "index.html"), "metrics": str(folder / "metrics.prom")}


def page(environment: str, found: Findings, history: History) -> str:
    """The page as text. Every text that comes from data or specs is escaped here."""
    seen, window = found.seen, found.window
    production = seen.production
    verdicts = tuple(map(Verdict.from_json, window.verdicts))
    clock = "event time" if seen.answers.clock == "event" else "time of the request"
    return page_of(
        _PAGE,
        title=escape(f"{window.model} monitor"),
        eyebrow=escape(f"{window.model} · {environment} · version {production.version}"),
        headline=escape(headline(verdicts)),
        summary=escape(f"{_day(window.start)} to {_day(window.end)} UTC, by {clock}."),
        cards=_cards(found),
        timeline=_timeline(history.windows),
        performance=_performance(history.windows, found.judged),
        rows="\n".join(_row(verdict, found.compared) for verdict in _listed(verdicts)),
        quiet=_quiet(verdicts),
        retraining=_retraining(history.retrainings, found.decision),
    )


def headline(verdicts: Iterable[Verdict]) -> str:
    """What the window says, in one sentence."""
    found = tuple(verdicts)
    drifted = {_column(v) for v in found if _is_drift(v) and v.outcome is Outcome.FAIL}
    columns = {_column(v) for v in found if _is_drift(v)}
    worse = any(v.outcome is Outcome.FAIL for v in found if v.check.startswith("performance"))
    silent = all(v.outcome is Outcome.NO_DATA for v in found if _is_drift(v))
    parts = []
    if drifted:
        parts.append(f"{len(drifted)} of {len(columns)} columns have drifted")
    if worse:
        parts.append("the model performs worse than its baseline")
    if silent:
        parts.append("there are too few predictions to judge")
    if not parts:
        uncertain = any(v.outcome is not Outcome.PASS for v in found)
        parts.append("no breach, but not everything could be judged" if uncertain
                     else "production looks like training")  # fmt: skip
    sentence = ", and ".join(parts)
    return sentence[0].upper() + sentence[1:]


def _cards(found: Findings) -> str:
    seen, window, judged = found.seen, found.window, found.judged
    title = METRICS[judged.metric].title
    here = f"{judged.now.value:.3f}" if judged.now.known else "not known"
    there = f"{judged.baseline.value:.3f}" if judged.baseline.known else "not known"
    words = {
        "quiet": "not needed", "started": "started", "resumed": "started again",
        "blocked": "held back", "waiting": "waiting for Prefect",
    }  # fmt: skip
    return "".join(
        (
            _card("Outcome", _badge(Outcome(window.outcome)), "worst of all checks"),
            _card(
                "Predictions",
                f"{found.compared.rows:,}",
                escape(f"{seen.traffic.n:,} in this release's log"),
            ),
            _card(
                escape(title[0].upper() + title[1:]),
                here,
                escape(f"{there} in {judged.baseline_is}"),
            ),
            _card("Retraining", words[found.decision.kind], "see the last section"),
        )
    )


def _card(name: str, value: str, note: str) -> str:
    return (
        f'<div class="card"><p class="soft">{name}</p><b>{value}</b>'
        f'<p class="soft">{note}</p></div>'
    )


def _timeline(windows: Sequence[Window]) -> str:
    by_column: dict[str, list[Point]] = {}
    for window in windows:
        for verdict in map(Verdict.from_json, window.verdicts):
            if _is_drift(verdict) and verdict.estimate is not None:
                by_column.setdefault(verdict.check, []).append(_ratio(window, verdict))
    if not by_column:
        return '<p class="soft">No window had enough predictions yet.</p>'
    ordered = sorted(by_column, key=lambda check: (-by_column[check][-1].value, check))
    found = [
        Line(check, tuple(by_column[check]), place if place < 3 else None)
        for place, check in enumerate(ordered)
    ]
    top = max(1.5, *(point.value for line in found for point in line.points)) * 1.05
    frame = Frame(windows[0].end, windows[-1].end, 0.0, top)
    names = "".join(
        f'<li><i style="background:var(--s{line.place})"></i>{escape(line.title)}</li>'
        for line in found
        if line.place is not None
    )
    strip = "".join(
        f'<span class="{w.outcome}" title="{_day(w.end)}: {escape(w.outcome)}"></span>'
        for w in windows
    )
    chart = series.lines(found, frame, ((0.0, "0"), (1.0, "limit"), (top, f"{top:.1f}×")))
    return (
        f'{chart}<div class="strip" aria-hidden="true">{strip}</div>{_ends(windows)}'
        f'<ul class="legend">{names}'
        '<li><i style="background:var(--before)"></i>other columns</li></ul>'
    )


def _performance(windows: Sequence[Window], judged: Performance) -> str:
    points = [
        Point(w.end, -v.estimate, -(v.high or 0.0), -(v.low or 0.0), f"{_day(w.end)}: {v.line()}")
        for w in windows
        for v in map(Verdict.from_json, w.verdicts)
        if v.check.startswith("performance") and v.estimate is not None
    ]
    said = f'<p class="soft">{escape(judged.verdict.line())}</p>'
    if not points:
        return said
    limit = -float(judged.verdict.limit.partition("%")[0]) / 100
    bottom = min(limit * 2, *(p.low for p in points), 0.0)
    top = max(-limit, *(p.high for p in points), 0.0)
    frame = Frame(windows[0].end, windows[-1].end, bottom, top)
    ticks = ((0.0, "base"), (limit, f"limit {limit:.0%}"), (bottom, f"{bottom:.0%}"))
    title = escape(METRICS[judged.metric].title)
    return (
        f'<p class="soft">Change of the {title} against the baseline, with its interval; '
        f"lower is worse.</p>{series.band(points, frame, ticks)}{_ends(windows)}{said}"
    )


def _ends(windows: Sequence[Window]) -> str:
    return (
        '<p class="soft" style="display:flex;justify-content:space-between;padding:4px 2.3% 0 7.2%;'
        f'margin:0"><span>{_day(windows[0].end)}</span><span>{_day(windows[-1].end)}</span></p>'
    )


def _listed(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The rows of the table, worst first; what is only worth a word when it fails is left out."""
    shown = (v for v in verdicts if _is_drift(v) and not _is_quiet(v))
    return sorted(shown, key=lambda v: (ORDER.index(v.outcome), -_times(v), v.check))


def _quiet(verdicts: Iterable[Verdict]) -> str:
    count = sum(_is_quiet(verdict) for verdict in verdicts if _is_drift(verdict))
    if not count:
        return ""
    return (
        f'<p class="soft" style="margin:12px 0 0">{count} more checks passed: '
        "shares of missing values and of values that training never saw.</p>"
    )


def _is_quiet(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.PASS and _test(verdict) in (MISSING, NEW_VALUES)


def _row(verdict: Verdict, compared: Compared) -> str:
    test, name = _test(verdict), _column(verdict)
    part = "answers" if name in compared.before.answers else "columns"
    before, now = getattr(compared.before, part)[name], getattr(compared.now, part)[name]
    drawn = ""
    if test in ("ks", "psi"):
        drawn = series.histogram(bars(before, now), f"{name}: training and this window")
    over = "over" if verdict.outcome is Outcome.FAIL else ""
    meter = ""
    if verdict.estimate is not None:
        share = min(_times(verdict) * 50, 100)
        meter = f'<div class="meter"><u class="{over}" style="width:{share:.0f}%"></u><s></s></div>'
    estimate = "not known" if verdict.estimate is None else f"{verdict.estimate:.3f}"
    interval = "" if verdict.low is None else f"{verdict.low:.3f} to {verdict.high or 0.0:.3f}"
    return (
        f'<tr><th scope="row">{escape(name)}<div class="soft">{TESTS[test]}</div></th>'
        f'<td>{drawn}</td><td class="distance">{estimate} <span class="soft">of '
        f'{escape(verdict.limit)}</span>{meter}</td><td>{interval}<div class="soft">'
        f"{escape(verdict.reason)}</div></td><td>{_badge(verdict.outcome)}</td></tr>"
    )


def _retraining(retrainings: Sequence[Retraining], decision: Decision) -> str:
    events = "".join(
        f"<li><b>{_day(event.at)}</b> <code>{escape(event.trigger)}</code>"
        f"{_causes(event.reason.split(SEPARATOR))}"
        f'<p class="soft">{_run(event)}</p></li>'
        for event in retrainings[:-_EVENTS:-1]
    )
    listed = f'<ol class="events">{events}</ol>' if events else ""
    said = ""
    if decision.kind not in ("started", "resumed"):
        sentence = decision.reason[:1].upper() + decision.reason[1:]
        said = f"<p>{_with_code(sentence)}.</p>{_causes(decision.causes)}"
    return said + (listed or '<p class="soft">None was started so far.</p>')


def _with_code(text: str) -> str:
    """What stands in backticks as code, which a page has no backticks for."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _causes(causes: Sequence[str]) -> str:
    listed = "".join(f"<li>{escape(cause)}</li>" for cause in causes)
    return f'<ul class="soft">{listed}</ul>' if causes else ""


def _run(event: Retraining) -> str:
    if not event.flow_run:
        return "claimed; the next look starts it"
    return f"flow run <code>{escape(event.flow_run)}</code>"


def _ratio(window: Window, verdict: Verdict) -> Point:
    times = _times(verdict)
    return Point(window.end, times, times, times, f"{_day(window.end)}: {verdict.line()}")


def _times(verdict: Verdict) -> float:
    """The estimate as a multiple of its limit."""
    return 0.0 if verdict.estimate is None else verdict.estimate / float(verdict.limit)


def _is_drift(verdict: Verdict) -> bool:
    return _test(verdict) in TESTS


def _test(verdict: Verdict) -> str:
    return verdict.check.partition(" ")[0]


def _column(verdict: Verdict) -> str:
    return verdict.check.partition(" ")[2]
