"""The Open Inference Protocol over HTTP: JSON, with tensors as bytes after it where asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec
import orjson
from numpy.typing import NDArray

from mlops_spec.runtime.portable.scorer import Scores
from mlops_spec.runtime.service.found import found as found_value
from mlops_spec.runtime.service.found import quoted, short
from mlops_spec.runtime.service.log_table import Identity
from mlops_spec.runtime.service.open_inference import (
    Tensor,
    bad,
    chosen,
    decoded,
    encoded,
    metadata_of,
    rows_of,
    tensors_of,
)
from mlops_spec.runtime.service.predicting import (
    JSON,
    MAX_ID_BYTES,
    Asked,
    Given,
    Headers,
    Predictor,
    Reply,
    Understood,
    Wanted,
    error_body,
)
from mlops_spec.runtime.service.rows import Rows

ROOT: Final = "/v2"
JSON_LENGTH: Final = b"inference-header-content-length"
_FORM: Final = 'a request is {"inputs": [{"name", "shape", "datatype", "data"}, …]}'
_BINARY: Final = (b"content-type", b"application/octet-stream")
_MODEL: Final = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(?:/(ready|infer))?")


class _Input(msgspec.Struct, frozen=True):
    name: str
    shape: list[Annotated[int, msgspec.Meta(ge=0)]]
    datatype: str
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class _Output(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct, frozen=True):
    inputs: list[_Input]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[_Output] = []


_read = msgspec.json.Decoder(_Request).decode


def told(predictor: Predictor | None, method: str, path: str) -> Reply | None:
    """The answer to all that needs no body. None: this is an inference, for `inferred`."""
    reply = _of_server(path, ready=predictor is not None)
    if reply is None and predictor is None:
        return Reply(503, error_body("the service is not ready"))
    verbs: tuple[str, ...] = ("GET", "HEAD")
    if reply is None and predictor is not None:
        try:
            wanted = target(predictor, path)
        except NotHere as error:
            return Reply(404, error_body(str(error)))
        if wanted == "infer":
            verbs = ("POST",)
        else:
            reply = _of_model(predictor, wanted)
    if method in verbs:
        return reply
    allowed = ", ".join(verbs)
    said = error_body(f"{short(path)} answers {allowed}, not {short(method)}")
    return Reply(405, said, (JSON, (b"allow", allowed.encode())))


def _of_server(path: str, ready: bool) -> Reply | None:
    """Health, readiness, and what this server can do."""
    match path:
        case "/v2/health/live":
            return _said(200, {"live": True})
        case "/v2/health/ready":
            return _said(200 if ready else 503, {"ready": ready})
        case "/v2" | "/v2/":
            about = {"name": "mlops-spec", "version": "2", "extensions": ["binary_tensor_data"]}
            return _said(200, about)
        case _:
            return None


def _of_model(predictor: Predictor, wanted: str) -> Reply:
    if wanted == "ready":
        return _said(200, {"name": predictor.identity.model, "ready": True})
    return _said(200, metadata_of(predictor))


class NotHere(Exception):
    """There is nothing under this path."""


def target(predictor: Predictor, path: str) -> str:
    """What is asked of the model: `model`, `ready` or `infer`. `NotHere` for any other path."""
    found = _MODEL.fullmatch(path)
    identity = predictor.identity
    if found is None:
        raise NotHere(f"there is no {short(path)}; the model is at /v2/models/{identity.model}")
    model, version, verb = found.groups("")
    if model != identity.model:
        raise NotHere(f"there is no model {quoted(model)}; this is {identity.model!r}")
    if version not in ("", identity.version):
        raise NotHere(f"there is no version {quoted(version)}; this is {identity.version!r}")
    return verb or "model"


def inferred(predictor: Predictor, asked: Asked, headers: Given, body: bytes) -> Wanted:
    """What POST …/infer wants."""
    inference = _Inference(predictor, asked, dict(headers), body)
    return Wanted(asked, inference.rows, inference.answer, inference.reply)


def inferred_by_path(identity: Identity) -> Mapping[bytes, Understood]:
    """`inferred` by the two paths at which it is asked for."""
    model = f"{ROOT}/models/{identity.model}"
    paths = (f"{model}/infer", f"{model}/versions/{identity.version}/infer")
    return {path.encode(): inferred for path in paths}


@dataclass(slots=True)
class _Inference:
    """One request, and what is known of it when its scores are there."""

    predictor: Predictor
    asked: Asked
    given: Mapping[bytes, bytes]
    body: bytes
    headers: Headers = (JSON,)
    request: _Request = field(default_factory=lambda: _Request([]))

    def rows(self) -> Rows:
        text, binary = self._parts()
        try:
            self.request = _read(text)
        except msgspec.ValidationError as error:
            raise bad("", f"{error}; {_FORM}") from None
        # Not JSON, or no text at all.
        except ValueError as error:
            said = (
                f"the body is not a request of the protocol: {error}" if text else "found no body"
            )
            raise bad("", f"{said}; {_FORM}") from None
        return rows_of(self.predictor.reader, list(_tensors(self.request.inputs, binary)))

    def _parts(self) -> tuple[bytes, bytes]:
        length = self.given.get(JSON_LENGTH)
        if length is None:
            return self.body, b""
        if not length.isdigit() or int(length) > len(self.body):
            given, most = quoted(length.decode("ascii", "replace")), len(self.body)
            said = f"found {given}, expected how many bytes of JSON there are, of {most} in all"
            raise bad(JSON_LENGTH.decode(), said)
        return self.body[: int(length)], self.body[int(length) :]

    def answer(self, _: Rows, scores: Scores) -> bytes:
        names = [output.name for output in self.request.outputs]
        tensors = chosen(tensors_of(self.predictor.scorer.meaning, scores), names)
        binary = [self._binary(tensor.name) for tensor in tensors]
        outputs, parts = [], []
        for tensor, apart in zip(tensors, binary, strict=True):
            raw = encoded(tensor) if apart else b""
            outputs.append(_output(tensor, len(raw) if apart else None))
            parts.append(raw)
        identity = self.predictor.identity
        text = orjson.dumps({
            "model_name": identity.model, "model_version": identity.version,
            "id": self.request.id[:MAX_ID_BYTES] or self.asked.request_id, "outputs": outputs,
        })  # fmt: skip
        if any(binary):
            self.headers = (_BINARY, (JSON_LENGTH, b"%d" % len(text)))
        return b"".join((text, *parts))

    def reply(self, status: int, answer: bytes) -> Reply:
        return Reply(status, answer, self.headers if status == 200 else (JSON,))

    def _binary(self, name: str) -> bool:
        for output in self.request.outputs:
            if output.name == name and "binary_data" in output.parameters:
                return output.parameters["binary_data"] is True
        return self.request.parameters.get("binary_data_output") is True


def _tensors(inputs: Sequence[_Input], binary: bytes) -> list[Tensor]:
    found, at = [], 0
    for each in inputs:
        size = each.parameters.get("binary_data_size")
        flat: Sequence[Any] | NDArray[Any]
        if size is not None:
            if not isinstance(size, int) or not 0 <= size <= len(binary) - at:
                raise bad(
                    f"inputs.{short(each.name)}.parameters.binary_data_size",
                    f"found {found_value(size)}, expected at most the {len(binary) - at} bytes "
                    "that are left after the JSON",
                )
            flat = decoded(each.name, each.datatype, binary[at : at + size])
            at += size
        elif each.data is not None:
            flat = _flat(each.data)
        else:
            said = "is missing; expected the values, or parameters.binary_data_size"
            raise bad(f"inputs.{short(each.name)}.data", said)
        found.append(Tensor(each.name, each.datatype, tuple(each.shape), flat))
    return found


def _flat(values: list[Any]) -> list[Any]:
    """Data of shape [n, 1] may come nested."""
    if list not in map(type, values):
        return values
    return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]


def _output(tensor: Tensor, size: int | None) -> dict[str, Any]:
    found = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
    if size is not None:
        return {**found, "parameters": {"binary_data_size": size}}
    return {**found, "data": list(tensor.values)}


def _said(status: int, what: Mapping[str, Any]) -> Reply:
    return Reply(status, orjson.dumps(what))
