"""What is said while a flow runs: what a step did, folded where the terminal is narrow."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from mlops_spec.apply.events import StepSeen
from mlops_spec.cli.views.progress import Progress
from mlops_spec.cli.views.steps import describe
from mlops_spec.state import Step

FAILED = Step(
    "split", "d", "r", "failed",
    {"message": "the split by random leaves too little: the part 'validation' has no row"},
    10.0, 10.5,
)  # fmt: skip


def _shown(step: Step, *, terminal: bool) -> list[str]:
    out = io.StringIO()
    # No colour system: a terminal's text without what colours it.
    console = Console(
        file=out, width=80, force_terminal=terminal, color_system=None, highlight=False
    )
    console.soft_wrap = not terminal
    Progress(console).tell(StepSeen("trips", step))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_on_a_terminal_a_long_message_goes_on_below_and_the_time_stays_in_its_column() -> None:
    assert _shown(FAILED, terminal=True) == [
        "    ✗ split      the split by random leaves too little: the part        0.5 s",
        "                 'validation' has no row",
    ]


def test_in_a_file_a_line_stays_whole() -> None:
    assert _shown(FAILED, terminal=False) == [
        "    ✗ split      the split by random leaves too little: the part 'validation' has no row"
        "    0.5 s"
    ]


def test_a_path_is_not_broken() -> None:
    path = "/a/very/long/path/" + "x" * 80
    shown = _shown(replace(FAILED, output={"message": f"look at {path}"}), terminal=True)
    assert path in "".join(shown)


@pytest.mark.parametrize(
    ("step", "output", "said"),
    [
        ("batch-begin", {"version": "3", "release": "r7"}, "version 3, release r7"),
        ("batch-predict", {"parts_done": 2, "rows": 100000}, "100,000 rows"),
        ("batch-predict", {"parts": [{"rows": 5}, {"rows": 2}]}, "7 rows"),
        ("batch-predict", {"parts": [{"rows": 5}], "known": True}, "5 rows, predicted before"),
        ("batch-finish", {"folder": "data/out/r7-1", "rows": 7, "bad_rows": 0}, "data/out/r7-1"),
        ("batch-finish", {"table": "t", "rows": 7, "bad_rows": 2}, "table t, 2 of 7 rows bad"),
        ("batch-finish", {}, ""),
        (
            "evaluate",
            {"portable": {"kind": "onnx", "parity": {"rows": 600, "max_difference": 0.0}}},
            "the portable form agrees exactly on 600 rows",
        ),
        (
            "evaluate",
            {"portable": {"kind": "onnx", "parity": {"rows": 600, "max_difference": 3e-16}}},
            "the portable form agrees to 3e-16 on 600 rows",
        ),
    ],
)
def test_a_step_says_what_it_did(step: str, output: dict[str, Any], said: str) -> None:
    assert describe(step, output) == said
