"""A folder to documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import NO_SPECS, TOO_MANY_DOCUMENTS
from mlops_spec.load.discover import (
    PROJECT_FILE,
    SPEC_FOLDER,
    read_text,
    shipped_paths,
    spec_paths,
)
from mlops_spec.load.locate import first_line
from mlops_spec.load.parse import heading_of, parse_project, parse_spec
from mlops_spec.load.yaml_reader import Tree, read_yaml
from mlops_spec.model.project import Document, Heading
from mlops_spec.model.spec.project import ProjectSpec


@dataclass(frozen=True, slots=True)
class Documents:
    """What was read: the project, the user's specs in order of path, and the shipped policies.

    `headings`: of every document of the user's that says what it is. `lost`: of some document
    nothing could be read.
    """

    project: Document[ProjectSpec] | None
    specs: tuple[Document[Any], ...]
    shipped: tuple[Document[Any], ...]
    headings: tuple[Heading, ...] = ()
    lost: bool = False


def load(root: Path, found: Diagnostics) -> Documents:
    """Read every spec of a project; mistakes go to `found`, and what is well formed comes back."""
    paths = tuple(spec_paths(root))
    if not paths:
        message = f"no spec was found: {SPEC_FOLDER}/ holds no .yaml file"
        found.add(NO_SPECS, message, help=f"write {SPEC_FOLDER}/<model>.yaml beside mlops.yaml")
    project = load_project(root, found)
    files = [_trees(root, path, found) for path in paths]
    specs = [parse_spec(tree, found) for trees in files for tree in trees]
    shipped = [
        parse_spec(tree, found) for path in shipped_paths() for tree in _trees(root, path, found)
    ]
    return Documents(
        project,
        tuple(filter(None, specs)),
        tuple(filter(None, shipped)),
        tuple(filter(None, (heading_of(tree) for trees in files for tree in trees))),
        lost=None in specs or () in files,
    )


def load_project(root: Path, found: Diagnostics) -> Document[ProjectSpec] | None:
    """Read mlops.yaml alone."""
    trees = _trees(root, PROJECT_FILE, found)
    for extra in trees[1:]:
        message = f"{PROJECT_FILE} is one document; another begins here"
        at = first_line(extra.places.document)
        found.add(TOO_MANY_DOCUMENTS, message, at=at, help=f"move it into {SPEC_FOLDER}/")
    return parse_project(trees[0], found) if trees else None


def _trees(root: Path, path: str, found: Diagnostics) -> tuple[Tree, ...]:
    """The documents of a file; none where it cannot be read."""
    source = read_text(root, path, found)
    return read_yaml(source, found) if source else ()
