"""The record of what we wrote: `generated/<environment>/.manifest.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_spec.model.files import FileSet
from mlops_spec.model.manifest import MANIFEST_NAME

Digests = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Record:
    """`path` of the manifest, and by path of each file the digests under which it is ours."""

    path: str
    digests: Digests

    @property
    def folder(self) -> str:
        return PurePosixPath(self.path).parent.as_posix()


def read_record(root: Path, files: FileSet) -> Record:
    """The manifest on disk; an unreadable one records nothing, so that nothing is overwritten."""
    path = next(path for path, _ in files if PurePosixPath(path).name == MANIFEST_NAME)
    try:
        found = json.loads((root / path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Record(path, {})
    return Record(path, _digests(found, f"{PurePosixPath(path).parent}/"))


def recorded(files: FileSet) -> str:
    """The manifest of files that are all written."""
    return next(text for path, text in files if PurePosixPath(path).name == MANIFEST_NAME)


def unfinished(record: Record, files: FileSet) -> str:
    """A manifest for the time of writing: old and new digests are both ours."""
    new = {path: value for path, value in files.digests().items() if path != record.path}
    found = {"format_version": 1, "files": new, "before": dict(sorted(record.digests.items()))}
    return json.dumps(found, indent=2) + "\n"


def _digests(found: Any, below: str) -> Digests:
    """What a manifest says, as far as it can be believed: a path never leaves the folder."""
    digests: dict[str, tuple[str, ...]] = {}
    for layer in (found.get("files"), found.get("before")) if isinstance(found, dict) else ():
        for path, values in (layer if isinstance(layer, dict) else {}).items():
            if path.startswith(below) and ".." not in PurePosixPath(path).parts:
                digests[path] = tuple(sorted({*digests.get(path, ()), *_texts(values)}))
    return digests


def _texts(found: Any) -> list[str]:
    return list(map(str, found)) if isinstance(found, list) else [str(found)]
