"""The online service of a model: its typed request, and its image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlops_spec.lower import conventions
from mlops_spec.lower.origin import Placed
from mlops_spec.lower.signatures import trust
from mlops_spec.model.plan import Artifact, GrpcPackages, Image, RequestField, ServiceApp
from mlops_spec.model.spec.dataset import Column

_PYTHON_TYPES: Final[Mapping[str, str]] = {
    "float": "float", "integer": "int", "boolean": "bool", "category": "str",
    "timestamp": "datetime",
}  # fmt: skip
EXACT: Final = 2**53  # a model sees floats of 64 bits, and past this they skip whole numbers


def lower_service(placed: Placed) -> Iterator[Artifact]:
    """service/service.py and service/bento.py."""
    spec, dataset = placed.model.spec, placed.model.dataset.spec
    yield ServiceApp(
        origin=placed.origin,
        class_name=conventions.class_name(spec.name),
        task=spec.task,
        fields=tuple(
            request_field(name, column, dataset.columns[column])
            for name, column in conventions.field_names(spec.features)
        ),
        key=dataset.key,
        time=dataset.time,
        workers=spec.serve.workers,
        max_rows=spec.serve.max_rows,
        timeout=spec.serve.timeout.seconds,
        trust=trust(placed),
        grpc=spec.serve.grpc,
    )


def lower_image(placed: Placed) -> Iterator[Artifact]:
    """service/Dockerfile and what stands beside it."""
    yield Image(
        origin=placed.origin,
        python=conventions.PYTHON,
        port=conventions.SERVICE_PORT,
        workers=placed.model.spec.serve.workers,
        drain=conventions.stop_seconds(placed.model.spec.serve.timeout),
        grpc=conventions.GRPC_PORT if placed.model.spec.serve.grpc else None,
    )
    if placed.model.spec.serve.grpc:
        yield GrpcPackages(origin=placed.origin)


def request_field(name: str, column: str, spec: Column) -> RequestField:
    """The field that feeds a column."""
    least, most = _bounds(spec)
    return RequestField(
        name=name,
        column=column,
        type=_PYTHON_TYPES[spec.type],
        nullable=spec.nullable,
        min=least,
        max=most,
        values=spec.values or (),
        description=spec.description,
        example=example(spec),
    )


def _bounds(spec: Column) -> tuple[float | None, float | None]:
    """The least and the most that a request may say.

    Those of whole numbers are both written where the column has one: pydantic lets the bounds of a
    type win over those of its field, so that a field with bounds cannot have a type with others.
    """
    if spec.type != "integer" or (spec.min is None and spec.max is None):
        return spec.min, spec.max
    least = -EXACT if spec.min is None else max(math.ceil(spec.min), -EXACT)
    most = EXACT if spec.max is None else min(math.floor(spec.max), EXACT)
    return least, most


def example(spec: Column) -> Any:
    """A value that the column allows, for the page of the service's API."""
    match spec.type:
        case "boolean":
            return True
        case "category":
            return spec.values[0] if spec.values else "text"
        case "timestamp":
            return "2024-01-31T12:00:00Z"
        case "integer":
            return int(_within(spec))
        case "float":
            return float(_within(spec))


def _within(spec: Column) -> float:
    """A number between the bounds: the middle, the one bound there is, or zero."""
    low, high = spec.min, spec.max
    if low is not None and high is not None:
        return low + (high - low) // 2
    return next((bound for bound in (low, high) if bound is not None), 0)
