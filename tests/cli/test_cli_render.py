"""`spec render` as a user runs it: exit code, what is printed, what is on disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from language import REPOSITORY

from mlops_spec.cli.main import main

FLIGHTS = REPOSITORY / "examples" / "flights"
TRAIN = "generated/local/flight-delay/flows/train.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copy(FLIGHTS / "mlops.yaml", tmp_path)
    shutil.copytree(FLIGHTS / "specs", tmp_path / "specs")
    return tmp_path


def _render(root: Path, *more: str) -> int:
    return main(["--root", str(root), "render", *more])


def _tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted((root / "generated").rglob("*"))
        if path.is_file()
    }


def test_a_fresh_tree_checks(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _render(root) == 0
    written = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in written] == ["local", "production"]
    assert _render(root, "--check") == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(", 0 written")


def test_one_environment_is_rendered_alone(root: Path) -> None:
    assert _render(root, "--env", "local") == 0
    assert [path.name for path in (root / "generated").iterdir()] == ["local"]


def test_an_environment_that_is_not_there_is_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _render(root, "--env", "nowhere") == 1
    assert capsys.readouterr().err == (
        "error MLS302: no environment named 'nowhere'\n"
        "  help: mlops.yaml has: local, production\n"
    )  # fmt: skip


def test_a_check_before_the_first_render_lists_every_file(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _render(root, "--check", "--env", "local", "-o", "json") == 1
    found = json.loads(capsys.readouterr().out)["diagnostics"]
    assert {one["code"] for one in found} == {"MLS502"}
    assert not (root / "generated").exists()


def test_a_hand_edit_is_refused_with_its_diff_and_force_gives_it_up(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _render(root)
    before = _tree(root)
    with (root / TRAIN).open("a") as stream:
        stream.write("# mine\n")
    capsys.readouterr()
    assert _render(root) == 1
    printed = capsys.readouterr().out
    number = len((root / TRAIN).read_text().splitlines())
    assert printed.splitlines()[0] == (
        f"{os.path.relpath(root / TRAIN)}:{number}:1: error MLS503: edited by hand"
    )
    assert "-# mine" in printed
    assert _render(root, "--check") == 1
    assert _render(root, "--force") == 0
    assert _tree(root) == before


def test_a_changed_spec_makes_files_stale(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _render(root)
    spec = root / "specs" / "flight-delay.yaml"
    spec.write_text(spec.read_text().replace("max_iter: 150", "max_iter: 151"))
    capsys.readouterr()
    assert _render(root, "--check", "--env", "local") == 1
    printed = capsys.readouterr().out
    assert "MLS502" in printed
    assert '+    params={"learning_rate": 0.1, "max_iter": 151},' in printed
    assert _render(root) == 0
    assert _render(root, "--check") == 0


def test_a_model_that_is_gone_takes_its_files_with_it(root: Path) -> None:
    _render(root)
    shutil.rmtree(root / "generated" / "local" / "flight-delay" / "flows")
    spec = root / "specs" / "flight-delay.yaml"
    spec.write_text(spec.read_text().replace("name: flight-delay", "name: late", 1))
    assert _render(root) == 0
    names = sorted(path.name for path in (root / "generated" / "local").iterdir())
    assert names == [".manifest.json", "late"]


def test_specs_with_errors_render_nothing(root: Path) -> None:
    spec = root / "specs" / "flight-delay.yaml"
    spec.write_text(spec.read_text().replace("task: binary", "task: guess"))
    assert _render(root) == 1
    assert not (root / "generated").exists()


def test_a_place_that_cannot_be_written_is_a_clear_error(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "generated").write_text("in the way\n")
    assert _render(root) == 1
    assert "error MLS504" in capsys.readouterr().err


def test_the_same_bytes_under_any_hash_seed(root: Path) -> None:
    trees = []
    for seed in ("0", "1"):
        shutil.rmtree(root / "generated", ignore_errors=True)
        subprocess.run(
            [sys.executable, "-m", "mlops_spec", "--root", str(root), "render"],
            env={"PYTHONHASHSEED": seed, "PATH": "", "LC_ALL": "C"}, check=True,
        )  # fmt: skip
        trees.append(_tree(root))
    assert trees[0] == trees[1]
