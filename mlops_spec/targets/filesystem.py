"""The generated tree on disk: how it differs from what the specs render to, and writing it.

What was written is recorded in `generated/<environment>/.manifest.json` with the digest of each
file. A file whose digest is the recorded one is ours to replace; any other was edited by hand.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from mlops_spec.model.files import FileSet
from mlops_spec.model.manifest import MANIFEST_NAME
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.targets.manifest import Record, read_record, recorded, unfinished
from mlops_spec.terms.digest import file_digest

_IGNORED: Final = "__pycache__"  # Python leaves it beside a flow that has run
_UNFINISHED: Final = ".spec-unfinished"


class FileStatus(StrEnum):
    """How a file on disk stands to what the specs render to."""

    FRESH = "fresh"
    MISSING = "missing"
    STALE = "stale"  # as we wrote it, for specs that have changed since
    EDITED = "edited"  # not as we wrote it
    LEFTOVER = "leftover"  # as we wrote it, and rendered no more
    EXTRA = "extra"  # never ours; never touched


@dataclass(frozen=True, slots=True)
class TreeState:
    """The status of every file, by path relative to the project root, in order of path."""

    statuses: tuple[tuple[str, FileStatus], ...]

    def of(self, *wanted: FileStatus) -> tuple[str, ...]:
        return tuple(path for path, status in self.statuses if status in wanted)

    @property
    def to_write(self) -> tuple[str, ...]:
        return self.of(FileStatus.MISSING, FileStatus.STALE)

    @property
    def to_remove(self) -> tuple[str, ...]:
        return self.of(FileStatus.LEFTOVER)

    @property
    def edited(self) -> tuple[str, ...]:
        return self.of(FileStatus.EDITED)

    @property
    def fresh(self) -> bool:
        """Whether the tree is what the specs render to, no file more or less."""
        return all(status is FileStatus.FRESH for _, status in self.statuses)


def tree_state(root: Path, files: FileSet) -> TreeState:
    """Compare the tree with the files of one environment. Reads only."""
    record = read_record(root, files)
    digests = files.digests()
    known = {*digests, *record.digests}
    found = {path: _status(root / path, digests.get(path), record, path) for path in known}
    extra = {path: FileStatus.EXTRA for path in _present(root / record.folder, root) - known}
    statuses = ((path, status) for path, status in {**found, **extra}.items() if status)
    return TreeState(tuple(sorted(statuses)))


def write_tree(root: Path, files: FileSet, *, force: bool = False) -> TreeState:
    """Make the tree what the specs render to, and return what it was before.

    Refuses (MLS503) and writes nothing when a file was edited by hand, unless `force` gives the
    edits up. Killed at any point, the same call finishes: the manifest names both the old and the
    new digests while files are being replaced.
    """
    before = tree_state(root, files)
    if before.edited and not force:
        raise _edited(before.edited)
    record = read_record(root, files)
    to_write = (*before.to_write, *(path for path in before.edited if path in files.texts))
    to_remove = (*before.to_remove, *(path for path in before.edited if path not in files.texts))
    if not to_write and not to_remove:
        return before
    try:
        _replace(root, record.path, unfinished(record, files))
        for path in sorted(to_write):
            if path != record.path:
                _replace(root, path, files.texts[path])
        for path in sorted(to_remove):
            _remove(root, path)
        _replace(root, record.path, recorded(files))
    except OSError as error:
        raise _unwritable(error) from error
    return before


def _status(place: Path, wanted: str | None, record: Record, path: str) -> FileStatus | None:
    """None for a file that is neither there nor wanted."""
    if not os.path.lexists(place):
        return FileStatus.MISSING if wanted else None
    if place.is_symlink() or not place.is_file():
        return FileStatus.EDITED
    found = file_digest(place)
    if found == wanted:
        return FileStatus.FRESH
    # The manifest records every file but itself, and merging branches may have edited it.
    ours = path == record.path or found in record.digests.get(path, ())
    if not ours:
        return FileStatus.EDITED
    return FileStatus.STALE if wanted else FileStatus.LEFTOVER


def _present(folder: Path, root: Path) -> set[str]:
    return {
        place.relative_to(root).as_posix()
        for place in _walk(folder)
        if _IGNORED not in place.parts and place.suffix != _UNFINISHED
    }


def _walk(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)


def _replace(root: Path, path: str, text: str) -> None:
    """A reader sees all of the old text or of the new; a symlink is replaced, not followed."""
    place = root / path
    _make_folder(root, place.parent)
    beside = place.with_name(f"{place.name}{_UNFINISHED}")
    beside.unlink(missing_ok=True)
    try:
        with beside.open("xb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(place)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _make_folder(root: Path, folder: Path) -> None:
    """Folders between the root and a file; one that is a symlink would lead out of the tree."""
    for part in (*reversed(folder.relative_to(root).parents), folder.relative_to(root)):
        step = root / part
        if step != root and step.is_symlink():
            raise Refusal(
                "MLS504",
                f"{part.as_posix()} is a symlink; generated files are written below {root.name}/",
                "replace it by a folder, then run the same command again",
            )
        step.mkdir(exist_ok=True)


def _remove(root: Path, path: str) -> None:
    """Remove a file of ours, and the folders that it leaves empty."""
    place = root / path
    _make_folder(root, place.parent)
    place.unlink(missing_ok=True)
    for folder in place.relative_to(root).parents[:-1]:
        shutil.rmtree(root / folder / _IGNORED, ignore_errors=True)
        if any((root / folder).iterdir()):
            break
        (root / folder).rmdir()


def _edited(paths: tuple[str, ...]) -> Refusal:
    return Refusal(
        "MLS503",
        f"{len(paths)} generated file{'s were' if len(paths) > 1 else ' was'} edited by hand",
        "put the change into the spec; `spec render --force` gives the edits up",
        paths,
    )


def _unwritable(error: OSError) -> Refusal:
    place = f" {error.filename}" if error.filename else ""
    return Refusal(
        "MLS504",
        f"the generated files cannot be written:{place} {error.strerror or error}",
        f"make room or give the right to write, then run the same command again; {MANIFEST_NAME} "
        "knows how far it came",
    )
