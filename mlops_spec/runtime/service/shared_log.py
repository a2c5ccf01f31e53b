"""The prediction log of this copy for whoever judges a rollout: its newest files, in one answer.

It is there where MLOPS_SPEC_SHARE_LOG is 1, and for the API server of a cluster alone: no route
leads to it.
"""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from mlops_spec.runtime.service.log_files import files_since

SHARE: Final = "MLOPS_SPEC_SHARE_LOG"
PATH: Final = "/internal/predictions"
KIND: Final = (b"content-type", b"application/x-tar")
# What is asked for every few seconds is far smaller; after a pause it comes in several answers.
MOST_BYTES: Final = 16 * 2**20


def is_shared(path: str) -> bool:
    """Whether a request is for the log, and the log is for it."""
    return path == PATH and os.environ.get(SHARE) == "1"


async def newest(folder: Path | None, query: bytes) -> bytes:
    """The files with rows since `since` (microseconds since 1970), oldest first, as a tar."""
    asked = parse_qs(query.decode("ascii", "replace")).get("since", ["0"])[0]
    since = int(asked) if asked.isdecimal() else 0
    # Reading files takes milliseconds, in which the event loop would answer nobody.
    return await asyncio.to_thread(packed, folder, since) if folder else packed(None, since)


def packed(folder: Path | None, since: int) -> bytes:
    """A tar of whole files; at least one, then as many as `MOST_BYTES` holds."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path in files_since(folder, since) if folder else ():
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # merged into another one meanwhile
            if made.tell() and made.tell() + len(content) > MOST_BYTES:
                break
            entry = tarfile.TarInfo(path.name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()
