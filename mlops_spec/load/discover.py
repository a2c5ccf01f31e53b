"""Which files make a project, and their text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlops_spec.diagnostics import Diagnostics, SourceText, Span
from mlops_spec.diagnostics.catalogue import (
    NO_PROJECT_FILE,
    NOT_TEXT,
    TOO_LARGE,
    UNREADABLE_FILE,
)
from mlops_spec.terms.package_data import data_dir

PROJECT_FILE: Final = "mlops.yaml"
SPEC_FOLDER: Final = "specs"
# Paths of diagnostics are relative to the project; those of shipped policies begin with this.
SHIPPED: Final = "shipped:"
MAX_BYTES: Final = 1_000_000


def find_root(start: Path, found: Diagnostics) -> Path | None:
    """The nearest folder at or above `start` that holds mlops.yaml."""
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).exists():
            return folder
    found.add(
        NO_PROJECT_FILE,
        f"no {PROJECT_FILE} in {start.name or 'this folder'} or any folder above it",
        help=f"go to the folder of a project, or name it: spec --root DIR; a project starts "
        f"with a {PROJECT_FILE} that holds `project:` and `environments:`",
    )
    return None


def spec_paths(root: Path) -> Iterator[str]:
    """Spec files below `specs/`, relative to the root, in order of their paths."""
    folder = root / SPEC_FOLDER
    paths = (path for path in folder.rglob("*") if path.suffix in {".yaml", ".yml"})
    return iter(sorted(path.relative_to(root).as_posix() for path in paths if not path.is_dir()))


def shipped_paths() -> tuple[str, ...]:
    """The policies that come with the package, as paths that diagnostics can show."""
    return tuple(f"{SHIPPED}{path.name}" for path in sorted(_policies().glob("*.yaml")))


def file_of(root: Path, path: str) -> Path:
    """The file on disk that a diagnostic's path names."""
    if path.startswith(SHIPPED):
        return _policies() / path.removeprefix(SHIPPED)
    return root / path


def _policies() -> Path:
    return data_dir("specs") / "policies"


def read_text(root: Path, path: str, found: Diagnostics) -> SourceText | None:
    """The text of one file, or a diagnostic that says why it has none."""
    file = file_of(root, path)
    try:
        # Specs come in strangers' pull requests: a link could show any file of this machine.
        if not path.startswith(SHIPPED) and not file.resolve().is_relative_to(root.resolve()):
            _unreadable(found, path, "is a link to a file outside of the project")
            return None
        if not file.is_file():
            lost = file.is_symlink() and not file.exists()
            _unreadable(found, path, _LOST if lost else "is not a regular file")
            return None
        size = file.stat().st_size
        if size > MAX_BYTES:
            found.add(
                TOO_LARGE,
                f"the file has {size:,} bytes; a spec has at most {MAX_BYTES:,}",
                at=Span.at(path),
                help="specs say where data is; the data itself belongs into Parquet or CSV files",
            )
            return None
        content = file.read_bytes()
    except (OSError, RuntimeError) as error:
        _unreadable(found, path, f"cannot be read: {_reason(error)}")
        return None
    return decode(path, content, found)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


_LOST: Final = "is a link to a file that is not there"


def _unreadable(found: Diagnostics, path: str, why: str) -> None:
    help = "put the text itself there, readable for you; or move it out of specs/"
    found.add(UNREADABLE_FILE, f"the file {why}", at=Span.at(path), help=help)


def decode(path: str, content: bytes, found: Diagnostics) -> SourceText | None:
    """UTF-8, with or without a byte order mark."""
    try:
        return SourceText(path, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = SourceText(path, content[: error.start].decode("utf-8-sig"))
        at = before.position(len(before.text))
        found.add(
            NOT_TEXT,
            f"byte 0x{content[error.start]:02x} is not UTF-8; a spec is UTF-8 text",
            at=Span.at(path, at.line, at.column),
            help="save the file as UTF-8; if it is not text at all, move it out of specs/",
        )
        return None
