"""Every example's `generated/` is what its specs render to: byte for byte, no file more or less.

`make golden` writes them again; the diff is what users will see.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from language import REPOSITORY

from mlops_spec.pipeline import compile_project, render_project

EXAMPLES = sorted(path.parent for path in (REPOSITORY / "examples").glob("*/mlops.yaml"))
IDS = [path.name for path in EXAMPLES]
# As in a user's repository, where our package is one of many that are installed.
RUFF = [
    sys.executable, "-m", "ruff", "--isolated", "--config", "line-length=100",
    "--config", "lint.isort.known-third-party=['mlops_spec']",
]  # fmt: skip


def _rendered(root: Path) -> dict[str, str]:
    project, _ = compile_project(root)
    return {
        path: text for name in project.environments for path, text in render_project(project, name)
    }


def _committed(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in (root / "generated").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_what_is_committed_is_what_the_specs_render_to(example: Path) -> None:
    assert _committed(example) == _rendered(example)


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_rendered_python_is_formatted_and_lints(example: Path) -> None:
    folder = str(example / "generated")
    for command in (["format", "--check"], ["check", "--no-cache", "--select", "E,F,W,I"]):
        done = subprocess.run(
            [*RUFF, *command, folder], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_rollout_without_shadow_renders_to_a_flow_that_names_only_what_it_has(
    tmp_path: Path,
) -> None:
    shutil.copytree(EXAMPLES[0], tmp_path, ignore=shutil.ignore_patterns("data", ".*"),
                    dirs_exist_ok=True)  # fmt: skip
    for spec in (tmp_path / "specs").glob("*.yaml"):
        lines = spec.read_text().splitlines(keepends=True)
        spec.write_text("".join(line for line in lines if not line.startswith("shadow:")))
    for path, text in _rendered(tmp_path).items():
        if path.endswith("rollout.py"):
            (tmp_path / "rollout.py").write_text(text)
    assert "shadow(" not in (tmp_path / "rollout.py").read_text()
    command = [*RUFF, "check", "--no-cache", "--select", "E,F,W,I", str(tmp_path / "rollout.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_nothing_rendered_names_this_machine(example: Path) -> None:
    for path, text in _rendered(example).items():
        found = [word for word in (str(REPOSITORY), "/home/", "/root/", "pypi.org") if word in text]
        assert found == [], path


@pytest.mark.slow
def test_an_installed_wheel_renders_from_an_empty_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    _copy_of_the_package(source)
    wheels = tmp_path / "wheels"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = wheels.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    # The wheel without its dependencies; those come from the environment that runs the tests.
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    shutil.unpack_archive(wheel, site, "zip")
    (site / "dependencies.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages"))
    )
    empty = tmp_path / "empty"
    shutil.copytree(EXAMPLES[0], empty, ignore=shutil.ignore_patterns("generated", "data", ".*"))
    done = subprocess.run(
        [python, "-m", "mlops_spec", "render"], cwd=empty, capture_output=True, text=True,
        check=False, env={"PYTHONPATH": str(site)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert _committed(empty) == _committed(EXAMPLES[0])


def _copy_of_the_package(source: Path) -> None:
    """What the build reads, so that it leaves nothing in the checkout."""
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "hatch_build.py"):
        shutil.copy(REPOSITORY / name, source)
    for name in ("mlops_spec", "templates", "specs", "docs/errors"):
        shutil.copytree(
            REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
