"""The rules of a model, fired by Prometheus' own engine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlops_spec.model.files import FileSet

HOURS = 8
RULES = "generated/production/flight-delay/prometheus/rules.yaml"
LABELS = {
    "severity": "ticket", "project": "flights", "environment": "production",
    "model": "flight-delay",
}  # fmt: skip
OWN = {"model": "flight-delay", "namespace": "ml"}


def _fired(
    trees: Mapping[str, FileSet], folder: Path, promtool: str, series: list[dict[str, str]],
    firing: Mapping[str, list[dict[str, str]]],
) -> str:  # fmt: skip
    """What promtool says is other than expected, after a working day; empty when nothing is."""
    rules = yaml.safe_load(dict(trees["flights/production"])[RULES])
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("annotations", None)  # they would have to be spelled out below
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    alerts: list[dict[str, Any]] = [
        {
            "eval_time": f"{HOURS}h",
            "alertname": name,
            "exp_alerts": [{"exp_labels": labels} for labels in expected],
        }
        for name, expected in firing.items()
    ]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": alerts}
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
    done = subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _told(name: str, values: str, **labels: str) -> dict[str, str]:
    text = ", ".join(f'{k}="{v}"' for k, v in (OWN | labels).items())
    return {"series": f"{name}{{{text}}}", "values": values}


def test_a_breach_that_two_copies_tell_of_is_one_alert(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str
) -> None:
    looks = HOURS * 60
    series = [
        told
        for pod in ("a", "b")
        for told in (
            _told("mlops_monitor_outcome", f"1x{looks}", outcome="fail", pod=pod),
            _told("mlops_monitor_outcome", f"0x{looks}", outcome="no_data", pod=pod),
            _told("mlops_monitor_window_end_seconds", f"0+60x{looks}", pod=pod),
        )
    ]
    expected = {"MlopsMonitorBreach": [LABELS], "MlopsMonitorBlind": [], "MlopsMonitorSilent": []}
    assert _fired(trees, tmp_path, promtool, series, expected) == ""


def test_a_monitor_that_nobody_hears_of_is_an_alert(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str
) -> None:
    expected = {"MlopsMonitorBreach": [], "MlopsMonitorSilent": [LABELS]}
    assert _fired(trees, tmp_path, promtool, [], expected) == ""


def test_a_service_that_is_gone_pages_and_one_that_never_ran_does_not(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str
) -> None:
    """Nothing counts requests where nothing runs: no share of them could tell."""
    gone = [
        _told("mlops_requests_total", f"0+60x{(HOURS - 1) * 60}", code="200", pod=pod)
        for pod in ("a", "b")
    ]
    staging = _told("mlops_requests_total", f"0+60x{HOURS * 60}", code="200", namespace="staging")
    left = _told("mlops_requests_total", f"0+60x{HOURS * 60}", code="200", pod="c")
    page = {**LABELS, "severity": "page"}
    for series, fires in (([*gone, staging], [page]), ([*gone, left], []), ([], [])):
        assert _fired(trees, tmp_path, promtool, series, {"MlopsServiceDown": fires}) == ""


def test_failures_page_when_they_spend_the_budget_too_fast(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str
) -> None:
    """20 % of 300 answers in 5 minutes: 20 times the 1 % that is promised."""
    looks = HOURS * 60
    series = [
        _told("mlops_requests_total", f"0+48x{looks}", release="r", code="200"),
        _told("mlops_requests_total", f"0+12x{looks}", release="r", code="500"),
    ]
    page = {**LABELS, "severity": "page"}
    expected = {"MlopsErrorBudgetBurn1h": [page], "MlopsErrorBudgetBurn6h": [page]}
    assert _fired(trees, tmp_path, promtool, series, expected) == ""


def test_copies_that_fail_spend_nothing_and_answers_that_users_got_do(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str
) -> None:
    """A candidate that fails at each copy, slowly: the rollout's business, and nobody's budget."""
    looks = HOURS * 60
    good = [
        _told("mlops_requests_total", f"0+60x{looks}", code="200", shadow="false", pod="a"),
        *(_told("mlops_request_seconds_bucket", f"0+60x{looks}", le=le, shadow="false", pod="a")
          for le in ("0.01", "1.0", "+Inf")),
    ]  # fmt: skip
    copies = [
        _told("mlops_requests_total", f"0+60x{looks}", code="500", shadow="true", pod="b"),
        *(_told("mlops_request_seconds_bucket", f"0+{n}x{looks}", le=le, shadow="true", pod="b")
          for le, n in {"0.01": 0, "1.0": 60, "+Inf": 60}.items()),
    ]  # fmt: skip
    users = [{**one, "series": one["series"].replace('"true"', '"false"')} for one in copies]
    page = {**LABELS, "severity": "page"}
    names = ("MlopsErrorBudgetBurn1h", "MlopsErrorBudgetBurn6h", "MlopsServiceSlow")
    for series, fires in (([*good, *copies], []), (users, [page])):
        expected = dict.fromkeys(names, fires)
        assert _fired(trees, tmp_path, promtool, series, expected) == ""


def test_what_the_same_model_does_in_another_environment_is_no_alert_here(
    trees: Mapping[str, FileSet], tmp_path: Path, promtool: str
) -> None:
    """One Prometheus of a cluster, where staging has a namespace, and rules, of its own."""
    looks = HOURS * 60
    series = [
        _told("mlops_requests_total", f"0+60x{looks}", code="200"),
        _told("mlops_requests_total", f"0+60x{looks}", code="500", namespace="staging"),
        _told("mlops:request_errors:ratio_rate1h", f"1x{looks}", project="flights"),
        _told("mlops_monitor_outcome", f"1x{looks}", outcome="fail", namespace="staging"),
    ]
    expected: dict[str, list[dict[str, str]]] = {
        "MlopsErrorBudgetBurn1h": [], "MlopsErrorBudgetBurn6h": [], "MlopsMonitorBreach": []
    }  # fmt: skip
    assert _fired(trees, tmp_path, promtool, series, expected) == ""
