"""Becomes a program: the supervisor starts `python -m mlops_spec.runtime.machine.launch`.

The command and its variables come from a JSON file, because the supervisor's own format cannot
hold every value (it cuts at ` ;`, expands `%`, and knows no escape for a quote).
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from mlops_spec.runtime.machine.ours import record

# A connection is a file. Systems allow 1,024 unasked, which a router and a service soon need.
_FILES = 65_536


def launch(name: str, digest: str) -> None:
    """Replace this process by the program; the supervisor's folder is the working directory."""
    place = Path.cwd()
    program = json.loads((place / "programs" / f"{name}.{digest}.json").read_text("utf-8"))
    record(place, name)
    command = program["command"]
    os.chdir(program["directory"])
    _allow_files()
    environment = {**os.environ, **program["environment"]}
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606  # our own rendered command
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2])
