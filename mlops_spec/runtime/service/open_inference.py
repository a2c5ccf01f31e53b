"""The Open Inference Protocol's words for a model of columns: a tensor a column, in and out.

Version 2 of https://github.com/kserve/open-inference-protocol, whatever carries it. Rows are
checked, scored and logged as those of POST /predict.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic_core import to_json

from mlops_spec.runtime.portable.scorer import Meaning, Scores
from mlops_spec.runtime.service.found import found, listed, quoted, short
from mlops_spec.runtime.service.predicting import Predictor
from mlops_spec.runtime.service.refusing import SHOWN, BadRequest, Problem
from mlops_spec.runtime.service.rows import Columns, Rows
from mlops_spec.runtime.service.typed_rows import RowReader

SCORE: Final = "score"
DECISION: Final = "decision"
PROBABILITIES: Final = "probabilities"
_NUMBERS: Final = {
    "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "UINT8": "<u1", "UINT16": "<u2",
    "UINT32": "<u4", "UINT64": "<u8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "BOOL": "?",
}  # fmt: skip
_BYTES: Final = "BYTES"
_COLUMN: Final = {
    "float": "FP64", "integer": "INT64", "boolean": "BOOL", "category": _BYTES,
    "timestamp": _BYTES,
}  # fmt: skip
_LABELS: Final[dict[type, str]] = {bool: "BOOL", int: "INT64", float: "FP64", str: _BYTES}
_LENGTH: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One column of a request or an answer. `values` are flat; in a list, in Python's own types."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any] | NDArray[Any]


def rows_of(reader: RowReader, tensors: Sequence[Tensor]) -> Rows:
    """The rows that tensors hold together. `BadRequest` when they do not fit, or a value does not.

    A float that is NaN is a missing value, which JSON's numbers cannot say.
    """
    if not tensors:
        raise bad("inputs", "found none, expected one tensor for each column")
    count = len(tensors[0].values)
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {}
    problems = []
    for number, tensor in enumerate(tensors):
        where = f"inputs[{number}]"
        if tensor.name in columns:
            twice = f"found {quoted(tensor.name)} for the second time, expected one input a column"
            problems.append(Problem(f"{where}.name", twice))
        if tensor.shape not in ((count,), (count, 1)) or len(tensor.values) != count:
            problems.append(
                Problem(
                    f"{where}.shape",
                    f"found [{listed(tensor.shape, 4)}] with {len(tensor.values)} values, expected "
                    f"[{count}] or [{count}, 1], as many values as the first input has",
                )
            )
        columns[tensor.name] = tensor.values
    if problems:
        raise BadRequest(400, tuple(problems[:SHOWN]), max(0, len(problems) - SHOWN))
    rows = reader.read_columns(columns)
    return _read(reader, columns) if rows is None else rows


def _read(reader: RowReader, columns: Columns) -> Rows:
    """Whatever may stand in a column, as if it had come as JSON."""
    plain = [
        [_plain(value, number, values) for value in _listed(values)]
        for number, values in enumerate(columns.values())
    ]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*plain, strict=True)]
    try:
        return reader.read(orjson.dumps({"rows": rows}))
    except orjson.JSONEncodeError:  # an integer of more than 64 bits, which is told as it is
        return reader.read(to_json({"rows": rows}))


def _listed(values: Sequence[Any] | NDArray[Any]) -> Sequence[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else values


def _plain(value: Any, number: int, column: Sequence[Any] | NDArray[Any]) -> Any:
    """A value as JSON has it, which would make null of an infinite one too."""
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return None
        said = f"found {found(value)}, expected a finite number; NaN is a missing value"
        raise bad(f"inputs[{number}].data[{_listed(column).index(value)}]", said)
    return value


def tensors_of(meaning: Meaning, scores: Scores) -> tuple[Tensor, ...]:
    """The answer: score, decision and, of several classes, the probability of each."""
    count = len(scores.score)
    found = [
        Tensor(SCORE, "FP64", (count,), scores.score),
        Tensor(DECISION, _decided(meaning), (count,), scores.decision),
    ]
    if scores.probabilities is not None:
        flat = [each for row in scores.probabilities for each in row]
        found.append(Tensor(PROBABILITIES, "FP64", (count, len(meaning.classes)), flat))
    return tuple(found)


def metadata_of(predictor: Predictor) -> dict[str, Any]:
    """What a client may ask to know of the model. A shape of -1: any number of rows."""
    meaning = predictor.scorer.meaning
    outputs = [(SCORE, "FP64", [-1]), (DECISION, _decided(meaning), [-1])]
    if meaning.task == "multiclass":
        outputs.append((PROBABILITIES, "FP64", [-1, len(meaning.classes)]))
    return {
        "name": predictor.identity.model,
        "versions": [predictor.identity.version],
        "platform": predictor.scorer.kind,
        "inputs": [
            {"name": name, "datatype": _COLUMN[kind], "shape": [-1]}
            for name, kind in predictor.reader.columns.items()
        ],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": shape}
            for name, datatype, shape in outputs
        ],
    }


def _decided(meaning: Meaning) -> str:
    return _LABELS[type(meaning.classes[0])] if meaning.classes else "FP64"


def decoded(name: str, datatype: str, raw: bytes) -> list[Any] | NDArray[Any]:
    """The values in a tensor's bytes, little-endian. `BadRequest` when they are not whole."""
    if datatype == _BYTES:
        return list(_texts(name, raw))
    dtype = _NUMBERS.get(datatype)
    if dtype is None:
        known = ", ".join((*_NUMBERS, _BYTES))
        said = f"found {quoted(datatype)}, expected one of {known}"
        raise bad(f"inputs.{short(name)}.datatype", said)
    try:
        return np.frombuffer(raw, dtype)
    except ValueError:
        size = np.dtype(dtype).itemsize
        said = f"found {len(raw)} bytes, expected a multiple of {size}, as {datatype} has"
        raise bad(f"inputs.{short(name)}", said) from None


def encoded(tensor: Tensor) -> bytes:
    """A tensor's bytes, as `decoded` reads them."""
    if tensor.datatype != _BYTES:
        return np.array(tensor.values, dtype=_NUMBERS[tensor.datatype]).tobytes()
    texts = [str(value).encode() for value in tensor.values]
    return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))


def _texts(name: str, raw: bytes) -> Iterator[str]:
    """Each as its length in four bytes, then UTF-8."""
    at = 0
    while at < len(raw):
        end = at + 4 + (_LENGTH.unpack_from(raw, at)[0] if at + 4 <= len(raw) else len(raw))
        if end > len(raw):
            said = f"found a text at byte {at} that is longer than the tensor, expected its length"
            raise bad(f"inputs.{short(name)}", f"{said} in four bytes, little-endian, then UTF-8")
        try:
            yield raw[at + 4 : end].decode()
        except UnicodeDecodeError as error:
            said = f"the text at byte {at} is no UTF-8: {error.reason}"
            raise bad(f"inputs.{short(name)}", said) from None
        at = end


def chosen(tensors: Sequence[Tensor], names: Sequence[str]) -> list[Tensor]:
    """The outputs that were asked for, in that order; all of them when none was named."""
    if not names:
        return list(tensors)
    by_name = {tensor.name: tensor for tensor in tensors}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        said = f"found {quoted(unknown[0])}, expected any of {', '.join(by_name)}"
        raise bad("outputs", said)
    return [by_name[name] for name in names]


def bad(field: str, message: str) -> BadRequest:
    """A request that is not of the protocol."""
    return BadRequest(400, (Problem(field, message),))
