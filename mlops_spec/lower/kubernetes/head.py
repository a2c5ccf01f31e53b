"""How every object begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mlops_spec.lower import conventions
from mlops_spec.lower.origin import Placed

Object = Mapping[str, Any]

SERVICE: Final = "service"
ROUTER: Final = "router"
JOBS: Final = "jobs"


def head(
    api: str, kind: str, placed: Placed, component: str = SERVICE, name: str = ""
) -> dict[str, Any]:
    """`apiVersion`, `kind` and `metadata`; the name is the model's unless told otherwise."""
    namespace = placed.environment.serve.namespace
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": conventions.metadata(placed.origin, namespace, component, name),
    }
