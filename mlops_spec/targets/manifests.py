"""The Kubernetes objects among the rendered files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import yaml

from mlops_spec.model.files import FileSet
from mlops_spec.runtime.cluster.objects import Object


def shared_objects(files: FileSet, environment: str) -> tuple[Object, ...]:
    """What stands beside the models: the namespace."""
    return tuple(_objects(files, f"generated/{environment}"))


def objects_of(files: FileSet, environment: str, model: str) -> tuple[Object, ...]:
    """The objects of one model."""
    return tuple(_objects(files, f"generated/{environment}/{model}/kubernetes"))


def _objects(files: Iterable[tuple[str, str]], folder: str) -> Iterator[Object]:
    for path, text in files:
        place = PurePosixPath(path)
        if place.parent.as_posix() == folder and place.suffix == ".yaml":
            yield from (found for found in yaml.safe_load_all(text) if found)
