"""`make bench`: this project beside its peers, on this machine, in one run, as ratios.

`make bench serving` measures one topic; `out=bench.json` writes the numbers down as well.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from measure import Table
from rich.console import Console
from show import show

# In this order; each is a module with `run(place, workspace) -> tables`.
TOPICS: Final = {
    "start": "what a command costs before it does anything",
    "serving": "requests a second, latency, memory, cold start",
    "drift": "a million rows of 20 columns against the baseline",
    "auc": "an interval around the area under the ROC curve",
    "gates": "every kind of gate on a million held-out rows",
    "yaml": "200 models loaded and validated",
    "portable": "the exported model beside scikit-learn",
    "batch": "rows a second of a batch prediction, Parquet in and out",
    "plan": "look-ups instead of work",
}
WIDTH: Final = 160
PEERS: Final = ("bentoml", "fastapi", "mlflow", "prefect", "scikit-learn", "scipy", "uvicorn")


def main() -> int:
    arguments = _arguments()
    started = time.monotonic()
    # Written to a file, a table is as wide as it needs to be.
    console = Console(stderr=arguments.output == "-", width=None if sys.stdout.isatty() else WIDTH)
    tables: list[Table] = []
    sys.path.append(str(Path(__file__).parents[1]))  # topics share what the tests have
    for topic in arguments.topics or TOPICS:
        with tempfile.TemporaryDirectory(prefix=f"mlops-spec-bench-{topic}-") as place:
            module = importlib.import_module(f"topic_{topic}")
            for table in module.run(Path(place), arguments.workspace):
                show(table, console)
                tables.append(table)
    console.print(f"{time.monotonic() - started:.0f} s; {_machine()}", highlight=False)
    if arguments.output:
        _write(arguments.output, tables)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="Topics: " + "; ".join(f"{name}: {what}" for name, what in TOPICS.items()),
    )
    parser.add_argument("topics", nargs="*", metavar="TOPIC", choices=[[], *TOPICS])
    parser.add_argument("-o", "--output", metavar="FILE", help="the numbers as JSON; - is stdout")
    parser.add_argument(
        "--workspace", type=Path, metavar="DIR",
        help="a project with something applied, whose `spec apply` is measured with nothing to do",
    )  # fmt: skip
    return parser.parse_args()


def _machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in PEERS)
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def _write(output: str, tables: list[Table]) -> None:
    found: dict[str, Any] = {
        "format_version": 1,
        "machine": _machine(),
        "tables": [table.to_json() for table in tables],
    }
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    if output == "-":
        sys.stdout.write(text)
    else:
        Path(output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
