"""The whole loop on real flights: spring trains a model, a new week replaces it, summer drifts.

`make demo` runs this. Every command it prints can be typed by hand in this folder.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent


def main() -> int:
    started = time.monotonic()
    _act("1  Spring. The first model: there is no production to compare with yet.")
    _run("python", "prepare.py", "--weeks", "10-21")
    _run("spec", "apply")
    _act("2  A new week of flights has landed. The candidate must hold against production.")
    _run("python", "prepare.py", "--weeks", "22")
    _run("spec", "apply")
    _act("3  Summer. Requests of five later weeks, their labels, and what the monitor makes of it.")
    _run("python", "summer.py", "--weeks", "23-27")
    _run("spec", "run", "monitor", "flight-delay")
    print(f"\nAll of it took {time.monotonic() - started:.0f} s. Everything goes on running;")
    print(f"`cd {os.path.relpath(HERE)}` and `spec status` shows it, `spec down` ends it.")
    return 0


def _act(title: str) -> None:
    print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}", flush=True)


def _run(command: str, *arguments: str) -> None:
    """Run one command of this environment here; end the demo with its code if it fails."""
    print(f"$ {shlex.join((command, *arguments))}", flush=True)
    done = subprocess.run([BIN / command, *arguments], cwd=HERE, check=False)
    if done.returncode:
        print(f"\nthe demo stops: {command} ended with {done.returncode}", file=sys.stderr)
        sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
