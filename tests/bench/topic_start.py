"""What a command costs before it does anything."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from measure import Measure, Table, Way, command, in_turns

ROUNDS = 3
BIN = Path(sys.executable).parent
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights"
PEERS = ("prefect", "bentoml", "mlflow")
OURS = {
    "spec --version": ("--version",),
    "spec validate": ("validate",),
    "spec render --check": ("render", "--check"),
    "spec plan (nothing applied)": ("plan",),
}


def run(place: Path, _: Path | None) -> Iterator[Table]:
    folder = place / "flights"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", ".spec", "__pycache__"))
    (folder / "data" / "flights").mkdir(parents=True)
    (folder / "data" / "flights" / "2013-W10.parquet").touch()
    command([BIN / "spec", "render", "--force"], folder)()
    ways = [
        Way(name, command([BIN / "spec", *arguments], folder)) for name, arguments in OURS.items()
    ]
    ways += [Way(f"{peer} --version", command([BIN / peer, "--version"])) for peer in PEERS]
    yield Table(
        topic="start",
        title="CPU of one command",
        measures=(
            Measure("CPU", "s"),
            Measure("clock", "s"),
            Measure("memory", "MB"),
        ),
        bases=tuple(f"{peer} --version" for peer in PEERS),
        samples=in_turns(ways, ROUNDS),
        notes=("examples/flights; CPU is user and system time of the process and its children",),
    )
