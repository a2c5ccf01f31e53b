"""Files of the workspace that several processes write: one at a time, and never half."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops_spec.terms.workspace import Workspace


@contextmanager
def exclusive(workspace: Workspace, name: str) -> Iterator[None]:
    """One process at a time; the kernel frees the lock of a killed one."""
    directory = workspace.root / "locks"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / name).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def replace_text(path: Path, text: str) -> bool:
    """Move a new file over the old one, readable by its owner. False: it said that already."""
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True
