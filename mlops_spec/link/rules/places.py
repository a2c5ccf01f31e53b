"""Paths that stay inside of the project, and exactly one source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import (
    PATH_OUTSIDE,
    SOURCE_CHOICE,
    UNSIGNED_EVIDENCE,
)
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.dataset import DatasetSpec
from mlops_spec.model.spec.describe import one_of
from mlops_spec.model.spec.model import ModelSpec

_CHOICES: Final = ("parquet", "csv", "sql")


def sources_are_exactly_one(scope: Scope, found: Diagnostics) -> None:
    """MLS316."""
    for document in scope.of(DatasetSpec):
        source = document.spec.source
        given = [choice for choice in _CHOICES if getattr(source, choice) is not None]
        if len(given) != 1:
            has = f"both {one_of(given, 'and')}" if given else f"none of {one_of(_CHOICES)}"
            message = f"a source is one of {one_of(_CHOICES)}; this one has {has}"
            found.add(SOURCE_CHOICE, message, at=document.places.key("source"))


def paths_stay_in_the_project(scope: Scope, found: Diagnostics) -> None:
    """MLS317: specs come in strangers' pull requests; they must not reach other files."""
    for document, loc, path in _paths(scope):
        why = _reaches_out(path)
        if why:
            found.add(
                PATH_OUTSIDE,
                f"the path {path!r} {why}",
                at=document.places.value(*loc),
                help="write a path relative to mlops.yaml, below its folder; to use data from "
                "elsewhere, copy or mount it there",
            )


def _paths(scope: Scope) -> Iterator[tuple[Document[DatasetSpec] | Document[ModelSpec], Loc, str]]:
    for dataset in scope.of(DatasetSpec):
        for choice in ("parquet", "csv"):
            path = getattr(dataset.spec.source, choice)
            if path is not None:
                yield dataset, ("source", choice), path
    for model in scope.of(ModelSpec):
        path = model.spec.batch.output.parquet if model.spec.batch else None
        if path is not None:
            yield model, ("batch", "output", "parquet"), path


def _reaches_out(path: str) -> str:
    windows = PureWindowsPath(path)
    if windows.drive or windows.root or path.startswith("~"):
        return "is absolute"
    if ".." in (*PurePosixPath(path).parts, *windows.parts):
        return "leads upwards"
    if "://" in path:
        return "is an address, not a path"
    return "" if path.isprintable() else "holds a character that cannot be printed"


def clusters_know_whom_to_believe(scope: Scope, found: Diagnostics) -> None:
    """MLS335: a container has no workspace whose key it could trust instead."""
    project = scope.project
    for name, environment in project.spec.environments.items():
        if environment.serve.on == "kubernetes" and environment.signing is None:
            found.add(
                UNSIGNED_EVIDENCE,
                f"services of {name!r} load any model whose evidence fits it, whoever wrote it",
                at=project.places.key("environments", name),
                help="run `spec keys`, and add `signing: {public_key: …}` to the environment",
            )


RULES: Final = (
    sources_are_exactly_one,
    paths_stay_in_the_project,
    clusters_know_whom_to_believe,
)
