"""Every name, label, path and number that lowering makes up, in one place."""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mlops_spec.model.plan import Origin
from mlops_spec.model.units import Duration
from mlops_spec.terms.digest import digest
from mlops_spec.terms.labels import (
    COMPONENT,
    ENVIRONMENT,
    MANAGED_BY,
    MANAGER,
    NAME,
    PART_OF,
    SOURCE,
    STABLE,
    TRACK,
)

SERVICE_PORT: Final = 3000  # BentoML's own
GRPC_PORT: Final = 9000
LIVE_PATH: Final = "/livez"
READY_PATH: Final = "/readyz"
METRICS_PATH: Final = "/metrics"
USER_ID: Final = 10001  # as in the image
PYTHON: Final = "3.11"
IMAGE_TAG: Final = "production"  # as the registry's alias: the bento that is promoted
MEMORY_PER_WORKER_MIB: Final = 1024
_STOP_SECONDS: Final = 8
_LONGEST_JOB: Final = 52  # a CronJob adds 11 characters, and a label holds 63

# A field of a request class must not shadow what the class body itself needs, or pydantic's own.
_TAKEN: Final = re.compile(
    "Annotated|BaseModel|ConfigDict|Field|Literal|bool|bytes|cls|construct|copy|datetime|dict|fields|"
    "float|from_orm|int|json|list|object|parse_(file|obj|raw)|schema|schema_json|self|str|tuple|type|"
    "row_key|row_time|update_forward_refs|validate"
)
_TAKEN_PREFIXES: Final = ("_", "model_")


def workspace(environment: str) -> str:
    """Where an environment keeps its things, relative to the project root."""
    return f".spec/{environment}"


def class_name(name: str) -> str:
    """`flight-delay` -> `FlightDelay`."""
    return "".join(part.capitalize() for part in name.split("-"))


def image(registry: str, model: str) -> str:
    """The image of a model's service: `registry.acme.example/ml/flight-delay:production`."""
    prefix = f"{registry.rstrip('/')}/" if registry else ""
    return f"{prefix}{model}:{IMAGE_TAG}"


def stop_seconds(timeout: Duration) -> int:
    """How long a server that ends waits for the answers it owes: none takes longer than that."""
    return max(_STOP_SECONDS, math.ceil(timeout.seconds))


def field_names(columns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(Python name, column) for each column; unlike columns get unlike names."""
    used: set[str] = set()
    for column in columns:
        name = free = _field_name(column)
        number = 2
        while free in used:
            free, number = f"{name}_{number}", number + 1
        used.add(free)
        yield free, column


def _field_name(column: str) -> str:
    """The column's own name where Python takes it, otherwise the nearest one that it does."""
    normal = unicodedata.normalize("NFKC", column)  # what Python itself reads a name as
    if normal == column and _usable(column):
        return column
    slug = re.sub(r"\W+", "_", normal).strip("_").lower()
    return slug if _usable(slug) else f"column_{slug}".rstrip("_")


def _usable(name: str) -> bool:
    return (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and not _TAKEN.fullmatch(name)
        and not name.startswith(_TAKEN_PREFIXES)
    )


def instance(origin: Origin) -> dict[str, str]:
    """The labels that every object of a model carries."""
    return {NAME: origin.model, PART_OF: origin.project}


def selector(origin: Origin) -> dict[str, str]:
    """The labels that pick the pods of a model that are in service; these never change."""
    return {**instance(origin), TRACK: STABLE}


def pods_of(origin: Origin, component: str) -> dict[str, str]:
    """The labels that pick all pods of one kind of a model, those of a rollout's `next` too."""
    return {**instance(origin), COMPONENT: component}


def metadata(origin: Origin, namespace: str, component: str, name: str = "") -> dict[str, Any]:
    """The metadata of an object of a model, which has the model's name unless told otherwise."""
    return {
        "name": name or origin.model,
        "namespace": namespace,
        "labels": labels(origin, component),
        "annotations": {SOURCE: origin.spec},
    }


def labels(origin: Origin, component: str) -> dict[str, str]:
    """The labels of every object: whose it is, who may change it, and where it may be removed."""
    return {
        **instance(origin),
        MANAGED_BY: MANAGER,
        COMPONENT: component,
        ENVIRONMENT: origin.environment,
    }


def job_name(origin: Origin, flow: str) -> str:
    """`flight-delay-batch`; shortened where Kubernetes could not name the job's pods any more."""
    name = f"{origin.model}-{flow}"
    if len(name) <= _LONGEST_JOB:
        return name
    mark = digest(origin.model)[:6]
    kept = origin.model[: _LONGEST_JOB - len(flow) - len(mark) - 2].rstrip("-")
    return f"{kept}-{mark}-{flow}"
