"""The Prometheus rules of a model: what it promised, and what its monitor found.

Burn rates over pairs of windows: Google, "The Site Reliability Workbook", chapter 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlops_spec.lower.origin import Placed, own_series
from mlops_spec.model.plan import Artifact, Manifest
from mlops_spec.model.units import Duration, Share
from mlops_spec.terms import exposition

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Burn:
    """Errors spend the month's budget `factor` times too fast, over both windows at once."""

    factor: float
    long: str
    short: str
    severity: str


BURNS: Final = (
    Burn(14.4, "1h", "5m", "page"),
    Burn(6, "6h", "30m", "page"),
    Burn(1, "3d", "6h", "ticket"),
)
WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")
SEEN_WITHIN: Final = "1d"  # one that ran, not one that was never started or was taken down
DOWN_FOR: Final = "5m"
P99_WINDOW: Final = "5m"
P99_FOR: Final = "10m"
MONITOR_FOR: Final = "15m"
SILENT_FOR: Final = "2h"
SILENT_WINDOWS: Final = 2
SILENT_AT_LEAST: Final = 2 * 86400.0  # seconds


def lower_alerts(placed: Placed) -> Iterator[Artifact]:
    """prometheus/rules.yaml."""
    yield Manifest(placed.origin, "prometheus/rules.yaml", ({"groups": rule_groups(placed)},))


def rule_groups(placed: Placed) -> list[Mapping[str, Any]]:
    """What the service records and alerts on, and what the monitor does."""
    model = placed.origin.model
    return [
        {"name": f"{model}-service", "rules": list(_service_rules(placed))},
        {"name": f"{model}-monitor", "rules": list(_monitor_rules(placed))},
    ]


def _service_rules(placed: Placed) -> Iterator[Rule]:
    slo = placed.model.spec.serve.slo
    burns = [burn for burn in BURNS if _can_fire(burn, slo.errors)]
    asked = {window for burn in burns for window in (burn.short, burn.long)}
    for window in filter(asked.__contains__, WINDOWS):
        yield _record(placed, _errors_name(window), _errors_ratio(placed, window))
    yield _record(placed, _p99_name(), _p99(placed))
    for burn in burns:
        yield _burn_alert(placed, burn, slo.errors)
    yield _slow_alert(placed, slo.p99)
    yield _down_alert(placed)


def _can_fire(burn: Burn, budget: Share) -> bool:
    """A ratio cannot exceed the whole."""
    return 0 < burn.factor * budget.value < 1


def _record(placed: Placed, name: str, expr: str) -> Rule:
    return {"record": name, "expr": expr, "labels": _place(placed)}


def _place(placed: Placed) -> dict[str, str]:
    """What tells these numbers from those of the same model elsewhere, in one Prometheus."""
    return {"project": placed.origin.project, "environment": placed.origin.environment}


def _recorded(placed: Placed, name: str) -> str:
    """A series of `_record`, of this model in this place alone."""
    labels = {"model": placed.origin.model, **_place(placed)}
    selected = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{selected}}}"


def _errors_name(window: str) -> str:
    return f"mlops:request_errors:ratio_rate{window}"


def _p99_name() -> str:
    return f"mlops:request_seconds:p99_{P99_WINDOW}"


def _errors_ratio(placed: Placed, window: str) -> str:
    failed = _requests(placed, window, ', code=~"5.."')
    return f"{failed} / {_requests(placed, window, '')}"


def _requests(placed: Placed, window: str, more: str) -> str:
    series = f"{exposition.REQUESTS}{{{_to_users(placed)}{more}}}"
    return f"sum by (model) (rate({series}[{window}]))"


def _to_users(placed: Placed) -> str:
    """Of this model's series those of answers that somebody got: nobody was promised copies."""
    return f"{own_series(placed)}, {exposition.TO_USERS}"


def _p99(placed: Placed) -> str:
    series = f"{exposition.REQUEST_SECONDS}_bucket{{{_to_users(placed)}}}"
    return f"histogram_quantile(0.99, sum by (model, le) (rate({series}[{P99_WINDOW}])))"


def _burn_alert(placed: Placed, burn: Burn, budget: Share) -> Rule:
    limit = f"{burn.factor * budget.value:.6g}"
    windows = (burn.long, burn.short)
    spent = f"a month's {budget} of failed answers {burn.factor:g}x as fast"
    over = (f"{_recorded(placed, _errors_name(window))} > {limit}" for window in windows)
    return _alert(
        placed,
        f"MlopsErrorBudgetBurn{burn.long}",
        " and ".join(over),
        burn.severity,
        f"{placed.origin.model} spends {spent}",
        wait="2m",
    )


def _slow_alert(placed: Placed, limit: Duration) -> Rule:
    return _alert(
        placed,
        "MlopsServiceSlow",
        f"{_recorded(placed, _p99_name())} > {limit.seconds:.6g}",
        "page",
        f"{placed.origin.model} answers 1 of 100 requests later than {limit}",
        wait=P99_FOR,
    )


def _down_alert(placed: Placed) -> Rule:
    """No request is counted where nothing runs, so that no share of them tells of it."""
    series = f"{exposition.REQUESTS}{{{own_series(placed)}}}"
    ran = f"max by (model) (last_over_time({series}[{SEEN_WITHIN}]))"
    return _alert(
        placed,
        "MlopsServiceDown",
        f"{ran} unless max by (model) ({series})",
        "page",
        f"no copy of {placed.origin.model} runs any more",
        wait=DOWN_FOR,
    )


def _monitor_rules(placed: Placed) -> Iterator[Rule]:
    model = placed.origin.model
    yield _alert(
        placed, "MlopsMonitorBreach", f"{_outcome(placed, 'fail')} == 1", "ticket",
        f"the monitor of {model} found drift or a loss of performance", wait=MONITOR_FOR,
    )  # fmt: skip
    # A monitor that cannot decide is not a quiet one.
    yield _alert(
        placed, "MlopsMonitorBlind", f"{_outcome(placed, 'error', 'no_data')} == 1", "ticket",
        f"the monitor of {model} could not decide", wait=SILENT_FOR,
    )  # fmt: skip
    yield _alert(
        placed, "MlopsMonitorSilent", _silent(placed), "ticket",
        f"nothing new was heard of the monitor of {model}", wait=SILENT_FOR,
    )  # fmt: skip


def _silent(placed: Placed) -> str:
    """Never heard of, or its last window ended too long ago."""
    series = f"{exposition.MONITOR_WINDOW_END}{{{own_series(placed)}}}"
    limit = max(SILENT_WINDOWS * placed.model.monitor.window.seconds, SILENT_AT_LEAST)
    # `absent` would give the alert the selector's labels, and so a name of its own.
    return f"max by (model) (absent({series})) or time() - max by (model) ({series}) > {limit:.0f}"


def _outcome(placed: Placed, *outcomes: str) -> str:
    matches = "=~" if len(outcomes) > 1 else "="
    wanted = f'outcome{matches}"{"|".join(outcomes)}"'
    # Each copy of a service may tell of the one monitor.
    return f"max by (model) ({exposition.MONITOR_OUTCOME}{{{own_series(placed)}, {wanted}}})"


def _alert(placed: Placed, name: str, expr: str, severity: str, summary: str, *, wait: str) -> Rule:
    origin = placed.origin
    owner = placed.model.spec.owner
    return {
        "alert": name,
        "expr": expr,
        "for": wait,
        "labels": {"severity": severity, **_place(placed), "model": origin.model},
        "annotations": {
            # A `{{` would start a template of Prometheus; owners and names are plain text.
            "summary": summary,
            "source": origin.spec,
            **({"owner": owner.replace("{{", "{ {")} if owner else {}),
        },
    }
