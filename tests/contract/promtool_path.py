"""Where promtool is, and what queries give on series with known numbers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

MINUTES: Final = 60  # that the series last


def find() -> str:
    """Its path; fails with the name of the package that has it."""
    found = shutil.which("promtool")
    assert found, (
        "promtool is missing, and nothing else reads the rules: install Debian's package "
        "`prometheus` (README, Tests)"
    )
    return found


def checked(
    folder: Path, promtool: str, expected: Mapping[str, float | None], series: list[dict[str, str]]
) -> None:
    """That each query gives its number, to 5 digits; or no answer at all."""
    tests = [
        {
            "expr": f"abs(({query}) - {value}) < bool 1e-5" if value is not None else query,
            "eval_time": f"{MINUTES}m",
            "exp_samples": [{"labels": "{}", "value": 1}] if value is not None else [],
        }
        for query, value in expected.items()
    ]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": tests}
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
