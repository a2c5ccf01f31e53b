"""spec card: the path of the page, of the run that was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_spec.cli.main import main
from mlops_spec.state import Journal, Store
from mlops_spec.terms.workspace import Workspace

PROJECT = """\
project: rides
language: 1
environments:
  local: {serve: {on: processes, router: envoy}, registry: sqlite, orchestrator: prefect}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three runs of `tip` were judged; two have cards, and one is version 1."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlops.yaml").write_text(PROJECT)
    workspace = Workspace.of(tmp_path, "local")
    workspace.root.mkdir(parents=True)
    store = Store.at(workspace.state)
    journal = Journal(store, "local")
    for at, run in enumerate(("83f31ee8", "83aa0000", "c0ffee00")):
        for step in ("gate", "register"):
            journal.start("tip", step, f"{step}{at}", run)
            said = {"version": "1" if at == 0 else "", "outcome": "fail", "verdicts": []}
            journal.finish("tip", step, f"{step}{at}", "done", said)
    for run in ("83f31ee8", "c0ffee00"):
        workspace.card(run).parent.mkdir(parents=True)
        workspace.card(run).write_text("a card")
    store.close()
    return tmp_path


def path(project: Path, run: str) -> str:
    return str(Workspace.of(project, "local").card(run))


@pytest.mark.parametrize(
    ("asked", "run"),
    [([], "c0ffee00"), (["1"], "83f31ee8"), (["c0"], "c0ffee00"), (["83f"], "83f31ee8")],
)
def test_the_card_is_that_of_the_newest_run_or_of_the_one_that_is_named(
    project, capsys, asked, run
):
    assert main(["card", "tip", *asked]) == 0
    assert capsys.readouterr().out == f"{path(project, run)}\n"


def test_programs_are_told_the_run_too(project, capsys):
    assert main(["card", "tip", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "format_version": 1, "model": "tip", "run": "c0ffee00", "card": path(project, "c0ffee00"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["tap"], "no run of a Model named 'tap' is recorded"),
        (["tip", "83"], "'83' begins 2 runs: 83aa0000, 83f31ee8"),
        (["tip", "7"], "'tip' has no version and no judged run '7'"),
        (["tip", "83aa"], "there is nothing to write a card of"),
    ],
)
def test_what_is_not_there_is_said(project, capsys, asked, said):
    assert main(["card", *asked]) == 1
    assert said in capsys.readouterr().err


def test_a_card_that_is_gone_is_written_again(project, capsys):
    place = Path(path(project, "c0ffee00"))
    place.unlink()
    assert main(["card", "tip"]) == 0
    assert place.read_text().startswith("<!doctype html>")
    place.write_text("old")
    assert main(["card", "tip", "--again"]) == 0
    assert "model card" in place.read_text()


def test_before_anything_was_trained_it_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlops.yaml").write_text(PROJECT)
    assert main(["card", "tip"]) == 1
    assert "nothing was trained in 'local'" in capsys.readouterr().err
    assert not (tmp_path / ".spec").exists()
