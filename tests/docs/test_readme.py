"""What the README says is so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from mlops_spec.cli.exits import Exit
from mlops_spec.cli.main import COMMANDS
from mlops_spec.model.spec.project import EnvironmentSpec

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SPEC = Path(sys.executable).with_name("spec")


def test_every_command_is_in_the_readme_and_no_other() -> None:
    table = README.partition("## The commands")[2].partition("Exit codes")[0]

    assert set(re.findall(r"`spec ([a-z]+)", table)) == set(COMMANDS)


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^    make ([a-z]+)", README, re.M)

    assert named == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in named)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", [0, 1, 2, 4, 5, 64, 70, 130])
def test_every_exit_code_that_the_readme_names_is_one_of_ours(code: int) -> None:
    assert re.search(rf"(^|· ){code} ", README.partition("Exit codes: ")[2], re.M)
    assert code in {exit_code.value for exit_code in Exit}


def test_the_traffic_that_the_readme_names_is_that_of_the_language() -> None:
    traffic = EnvironmentSpec.model_fields["traffic"]

    assert set(re.findall(r"`traffic: ([a-z]+)`", README)) == set(get_args(traffic.annotation))
    assert f"`traffic: {traffic.default}`, the default" in README


def test_the_mistake_in_the_readme_is_printed_just_so(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "flights" / "specs", tmp_path / "specs")
    shutil.copy(ROOT / "examples" / "flights" / "mlops.yaml", tmp_path)
    spec = tmp_path / "specs" / "flight-delay.yaml"
    text = spec.read_text(encoding="utf-8")
    line = text.splitlines().index("rollout: flight-delay") + 1
    spec.write_text(text.replace("rollout: flight-delay", "rollout: flight-dely"), encoding="utf-8")
    done = subprocess.run(
        [SPEC, "validate"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    shown = README.partition("A mistake looks like this:\n\n")[2].partition("\n\n")[0]
    expected = "\n".join(row.removeprefix("    ") for row in shown.splitlines())

    assert done.returncode == 1
    assert done.stdout.startswith(f"specs/flight-delay.yaml:{line}:10")
    assert done.stdout.startswith(expected)


def test_every_page_that_the_readme_links_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)

    assert [link for link in links if not (ROOT / link).exists()] == []
