"""The OpenAPI description of a prediction service, from its pydantic models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

if TYPE_CHECKING:
    from mlops_spec.runtime.portable.scorer import Label
    from mlops_spec.runtime.service.predicting import Predictor

_REFERENCE: Final = "#/components/schemas/{model}"
_ERROR: Final = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string", "examples": ["rows[0].distance"]},
                    "message": {"type": "string", "description": "found, expected, what to do"},
                },
            },
        },
        "more": {"type": "integer", "description": "problems beside these; absent where none is"},
    },
}
_FAILURES: Final = {
    "400": "the body is not JSON",
    "413": "too many rows, or too large a body",
    "415": "the body is encoded, by gzip or otherwise",
    "422": "a field is missing, unknown or out of its bounds; the answer names it",
    "408": "the body did not arrive",
    "503": "the service is not ready, or has too much to do; Retry-After says when to try again",
    "504": "the model took too long",
}


_FRONT: Final = {
    "operationId": "front",
    "responses": {
        "200": {
            "description": "model, version, routes, columns and a request that works",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/html": {"schema": {"type": "string"}},
            },
        },
        "503": {
            "description": _FAILURES["503"],
            "content": {"application/json": {"schema": _ERROR}},
        },
    },
}


def description_of(answer: type[BaseModel], predictor: Predictor) -> dict[str, Any]:
    """The description of POST /predict, and of GET /."""
    reader, identity = predictor.reader, predictor.identity
    _, schemas = models_json_schema(
        [(reader.request, "validation"), (reader.row, "validation"), (answer, "serialization")],
        ref_template=_REFERENCE,
    )
    classes, predictions = predictor.scorer.meaning.classes, answer.model_fields.get("predictions")
    if classes and predictions is not None:  # as in every service that is rendered
        (one,) = get_args(predictions.annotation)
        _tell_classes(schemas["$defs"][one.__name__]["properties"], classes)
    one_or_many = [_named(reader.request), _named(reader.row)]
    post = {
        "operationId": "predict",
        "requestBody": {"required": True, "content": _json({"anyOf": one_or_many})},
        "responses": {
            "200": {"description": "a prediction for each row", "content": _json(_named(answer))},
            **{
                code: {"description": text, "content": _json(_ERROR)}
                for code, text in _FAILURES.items()
            },
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": identity.model, "version": identity.version},
        "paths": {"/predict": {"post": post}, "/": {"get": _FRONT}},
        "components": {"schemas": schemas["$defs"]},
    }


def _tell_classes(properties: dict[str, Any], classes: Sequence[Label]) -> None:
    """Which class each probability is of is the model's to say, not the spec's."""
    properties["decision"] |= {"enum": list(classes)}
    if "probabilities" in properties:
        properties["probabilities"] |= {
            "description": f"of each class: {', '.join(map(str, classes))}",
            "minItems": len(classes), "maxItems": len(classes),
        }  # fmt: skip


def _named(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
