"""The budgets of the code: small modules, no unfinished places, no address of a registry."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("mlops_spec", "templates", "tests", "examples", "requirements")


def _files(*suffixes: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *OURS],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.suffix in suffixes and path.exists()]


def test_no_module_is_longer_than_300_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in _files(".py")
        if path.is_relative_to(ROOT / "mlops_spec")
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }

    assert long == {}


def test_nothing_is_left_unfinished() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "X" + "XX", "mark." + "skip", "mark." + "xfail")
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in _files(".py", ".j2")
        for word in words
        if word in path.read_text(encoding="utf-8")
    ]

    assert found == []


def test_the_locked_requirements_name_no_registry() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path
        assert "--index-url" not in text, path
