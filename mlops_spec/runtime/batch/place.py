"""The folders of jobs: at work below a name with a dot, published by one rename."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.machine.places import replace_text

MANIFEST: Final = "_manifest.json"  # readers of Parquet pass over such names too
LATEST: Final = "latest.json"
# What a job left that never came to its end; nobody comes back to one as old as this.
ABANDONED: Final = 7 * 86400.0  # seconds


def sweep(output: Path, keep: str) -> None:
    """Remove what abandoned jobs left."""
    for folder in output.glob(".*"):
        old = time.time() - folder.stat().st_mtime > ABANDONED
        if folder.is_dir() and folder.name != f".{keep}" and old:
            discard(folder)


def discard(folder: Path) -> None:
    """Remove a folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def publish(output: Path, name: str, manifest: Mapping[str, Any], kept: tuple[str, ...]) -> None:
    """Give the folder at work its name, with the manifest and these files in it alone."""
    working = output / f".{name}"
    for path in working.iterdir():
        if path.is_dir():
            discard(path)
        elif path.name not in kept:
            path.unlink()  # unfinished, or of a job that was cut otherwise
    replace_text(working / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    working.rename(output / name)
