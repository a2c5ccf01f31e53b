from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mlops_spec.cli.views.status_text import duration, status_lines
from mlops_spec.observe.status import look, status_json
from mlops_spec.runtime.machine.processes import Process
from mlops_spec.state import Deployment, Deployments, Journal, Lease, Store, Window, Windows
from mlops_spec.terms.verdict import Outcome, Verdict
from mlops_spec.terms.workspace import Workspace

PASSED = Verdict("roc_auc", Outcome.PASS, 0.71, 0.70, 0.72, 900, ">= 0.7")
DRIFTED = Verdict("psi distance", Outcome.FAIL, 0.4, 0.3, 0.5, 900, "<= 0.2")


def applied(workspace: Workspace) -> Store:
    store = Store.at(workspace.state, clock=lambda: 1000.0)
    Deployments(store, "local").save(
        Deployment("churn", "bbbb", "r2", "2", "quarantined", reason="canary-5: errors FAIL 9 %"),
        Deployment("churn", "aaaa", "r1", "1", "production", 1.0, port=5001),
    )
    journal = Journal(store, "local")
    journal.start("churn", "gate", "d", "r1")
    journal.finish("churn", "gate", "d", "done", {"verdicts": [PASSED.to_json()]})
    Windows(store, "local").save(
        Window("churn", "aaaa", 0, 900, "fail", (PASSED.to_json(), DRIFTED.to_json()))
    )
    return store


def test_where_nothing_was_applied_nothing_is_made(tmp_path: Path) -> None:
    status = look(Workspace.of(tmp_path, "local"), ("churn",))
    assert list(status_lines(status)) == ["nothing is applied in 'local'; run `spec apply`"]
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_is_live_and_why_what_is_quarantined_and_what_was_monitored(
    tmp_path: Path,
) -> None:
    workspace = Workspace.of(tmp_path, "local")
    applied(workspace)
    status = look(workspace, ("churn", "later"))
    shown = [line.strip() for line in status_lines(status)]
    assert [line.split("  for ")[0] for line in shown[:8]] == [
        "[bold]local[/]",
        "nothing runs here; `spec apply` starts it",
        "",
        "[bold]churn[/]",
        "[green]production [/]  version 1  release aaaa  [yellow]not running[/]",
        "because gate said [green]PASS[/]",
        PASSED.line(),
        "[red]quarantined[/]  version 2  release bbbb  [yellow]not running[/]",
    ]
    assert shown[8] == "because canary-5: errors FAIL 9 %"
    assert shown[9].startswith("monitor      [red]FAIL[/] ")
    assert shown[10].startswith("psi distance: FAIL")
    assert shown[11:] == ["", "[bold]later[/]", "nothing is live"]


def test_it_says_where_a_model_answers_while_the_router_runs(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    applied(workspace)
    workspace.ports.write_text('{"router": 4000}', encoding="utf-8")
    status = look(workspace, ("churn", "later"))
    assert "[bold]churn[/]" in list(status_lines(status))
    runs = replace(status, programs=(Process("router", "running", 7, 900.0),))
    shown = [line for line in status_lines(runs) if line.startswith("[bold]")]
    assert shown[1:] == ["[bold]churn[/]  http://127.0.0.1:4000/churn/", "[bold]later[/]"]


def test_a_release_without_a_portable_form_is_a_warning(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    journal = Journal(applied(workspace), "local")
    reason = "the probabilities of GaussianProcessClassifier"
    journal.start("churn", "evaluate", "e", "r1")
    journal.finish(
        "churn", "evaluate", "e", "done", {"portable": {"kind": "sklearn", "reason": reason}}
    )

    status = look(workspace, ("churn",))

    warning = f"scikit-learn answers, which is slower than a portable form: {reason}"
    assert f"[yellow]warning:[/] {warning}" in [line.strip() for line in status_lines(status)]
    releases = status_json(status)["models"][0]["releases"]
    assert [release["warnings"] for release in releases] == [[warning], []]


def test_machines_get_the_same(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    applied(workspace)
    found = status_json(look(workspace, ("churn",)))["models"][0]
    assert [(r["release"], r["role"]) for r in found["releases"]] == [
        ("aaaa", "production"), ("bbbb", "quarantined"),
    ]  # fmt: skip
    assert found["releases"][0]["decision"]["outcome"] == "pass"
    assert found["window"]["end"] == 900


def test_durations_are_said_in_units_that_matter() -> None:
    assert [duration(s) for s in (-3, 8, 719, 7500, 273_600)] == [
        "0 s", "8 s", "11 min", "2 h 5 min", "3 d 4 h",
    ]  # fmt: skip


def test_it_says_who_works_on_what(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    with Lease(Store.at(workspace.state), "model/local/churn", "train churn"):
        status = look(workspace, ())
    ((name, holder),) = status.leases
    assert name == "model/local/churn"
    assert holder.startswith("train churn (process ")


def test_the_step_that_failed_last_says_why_nothing_is_live(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    store = Store.at(workspace.state, clock=lambda: 1000.0)
    journal = Journal(store, "local")
    why = {"code": "MLS703", "message": "too few rows", "help": "add rows"}
    journal.start("churn", "split", "d", "r1")
    journal.finish("churn", "split", "d", "failed", why)
    journal.start("churn", "batch-begin", "b", "")
    journal.finish("churn", "batch-begin", "b", "failed", {"code": "MLS709"})

    status = look(workspace, ("churn",))

    told = status_json(status)["models"][0]["failed"]
    assert list(status_lines(status))[-4:] == [
        "[bold]churn[/]",
        "  nothing is live",
        f"  [red]failed[/]       split {duration(status.now - 1000)} ago, MLS703: too few rows",
        "               add rows",
    ]
    assert told == {"step": "split", **why, "at": 1000.0}


def test_a_failure_that_a_later_step_mended_is_not_told(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "local")
    times = iter(range(1000, 2000))
    journal = Journal(Store.at(workspace.state, clock=lambda: float(next(times))), "local")
    journal.start("churn", "split", "d", "r1")
    journal.finish("churn", "split", "d", "failed", {"message": "no"})
    journal.start("churn", "split", "e", "r2")
    journal.finish("churn", "split", "e", "done", {})

    assert status_json(look(workspace, ("churn",)))["models"][0]["failed"] is None


def test_a_window_shows_the_verdicts_that_made_its_outcome_and_counts_the_others(
    tmp_path: Path,
) -> None:
    workspace = Workspace.of(tmp_path, "local")
    store = applied(workspace)
    unknown = Verdict("ks temp", Outcome.NO_DATA, n=23, reason="23 values")
    verdicts = tuple(v.to_json() for v in (unknown, PASSED, DRIFTED))
    Windows(store, "local").save(Window("churn", "aaaa", 0, 950, "fail", verdicts))

    shown = [line.strip() for line in status_lines(look(workspace, ("churn",)))]

    assert shown[-2:] == [DRIFTED.line(), "and 1 more that did not pass"]
