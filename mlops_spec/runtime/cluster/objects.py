"""Kubernetes objects as plain mappings: whose they are, and how they are found again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_spec.runtime.cluster.kinds import RANK
from mlops_spec.terms.labels import ENVIRONMENT, MANAGED_BY, MANAGER, PART_OF

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which object: `namespace` is "" for what belongs to the whole cluster."""

    api: str  # "apps/v1"
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"


def ref_of(found: Mapping[str, Any]) -> Ref:
    """The reference of an object."""
    metadata = found["metadata"]
    return Ref(found["apiVersion"], found["kind"], metadata.get("namespace", ""), metadata["name"])


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose objects: all that one environment of one project applies carries these labels."""

    project: str
    environment: str

    @property
    def labels(self) -> Mapping[str, str]:
        return {MANAGED_BY: MANAGER, PART_OF: self.project, ENVIRONMENT: self.environment}

    def owns(self, found: Mapping[str, Any]) -> bool:
        """Whether an object says that it is ours. What says nothing is somebody else's."""
        labels = labels_of(found)
        return all(labels.get(name) == value for name, value in self.labels.items())


def labels_of(found: Mapping[str, Any]) -> Mapping[str, str]:
    return found["metadata"].get("labels") or {}


def going(found: Mapping[str, Any]) -> bool:
    """Whether somebody is removing an object that still has to wait for its finalizers."""
    return bool(found["metadata"].get("deletionTimestamp"))


def selector(labels: Mapping[str, str]) -> str:
    """The labels as a query takes them."""
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def in_order(objects: Iterable[Object]) -> Iterator[Object]:
    """Objects in the order in which they can be applied; removed, the other way round."""
    yield from sorted(objects, key=lambda found: (RANK[found["kind"]], ref_of(found)))


def at(found: Any, *path: str | int, default: Any = None) -> Any:
    """The value at a path, or the default where any part of it is missing."""
    for part in path:
        match found:
            case Mapping() if part in found:
                found = found[part]
            case list() if isinstance(part, int) and part < len(found):
                found = found[part]
            case _:
                return default
    return default if found is None else found
