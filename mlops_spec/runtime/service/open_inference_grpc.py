"""The Open Inference Protocol over gRPC, on a port of its own beside HTTP.

Runs in the event loop of the app; several workers listen on the one port, and the kernel shares the
connections out. Whoever imports this needs grpcio and protobuf (the extra `grpc`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import grpc
import orjson
from numpy.typing import NDArray

from mlops_spec.runtime.portable.scorer import Scores
from mlops_spec.runtime.service import open_inference_pb2 as pb
from mlops_spec.runtime.service.arriving import MAX_BODY_BYTES
from mlops_spec.runtime.service.found import quoted, short
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
    MAX_ID_BYTES,
    Asked,
    Predictor,
    Reply,
    Requests,
    Wanted,
)
from mlops_spec.runtime.service.rows import Rows
from mlops_spec.terms.open_inference import GRPC_SERVICE

DRAIN: Final = 8.0  # seconds for what is being answered, at least
MOST_OF_A_MESSAGE: Final = 4_000  # bytes; clients take 8 kB of trailers, and fail over more
_STATUS: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT, 413: grpc.StatusCode.INVALID_ARGUMENT,
    422: grpc.StatusCode.INVALID_ARGUMENT, 503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}  # fmt: skip
# The field in which a tensor's values come when they are not bytes.
_CONTENTS: Final = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents",
    "INT32": "int_contents", "INT64": "int64_contents", "UINT8": "uint_contents",
    "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip

Call = Callable[[Any, Any], Awaitable[Any]]


class InferenceServer:
    """The gRPC server of one worker."""

    def __init__(self, running: Callable[[], Predictor | None], requests: Requests) -> None:
        """`running`: the model, None before it is loaded and after it is closed."""
        self._running = running
        self._requests = requests
        limit = ("grpc.max_receive_message_length", MAX_BODY_BYTES)
        self._server = grpc.aio.server(options=[limit, ("grpc.so_reuseport", 1)])
        self._server.add_generic_rpc_handlers((self._handlers(),))

    async def start(self, address: str) -> int:
        """Listen on `host:port`; the port. `RuntimeError` when it cannot be had."""
        port: int = self._server.add_insecure_port(address)
        await self._server.start()
        return port

    async def stop(self, longest: float) -> None:
        """Take no more calls, and wait for those that are being answered: `longest` seconds."""
        await self._server.stop(max(DRAIN, longest))

    def _handlers(self) -> Any:
        calls: dict[str, tuple[Call, Any]] = {
            "ServerLive": (self._live, pb.ServerLiveRequest),
            "ServerReady": (self._ready, pb.ServerReadyRequest),
            "ServerMetadata": (self._about, pb.ServerMetadataRequest),
            "ModelReady": (self._model_ready, pb.ModelReadyRequest),
            "ModelMetadata": (self._model, pb.ModelMetadataRequest),
            "ModelInfer": (self._infer, pb.ModelInferRequest),
        }
        return grpc.method_handlers_generic_handler(
            GRPC_SERVICE,
            {
                name: grpc.unary_unary_rpc_method_handler(
                    call, request.FromString, lambda answer: answer.SerializeToString()
                )
                for name, (call, request) in calls.items()
            },
        )

    async def _live(self, _: Any, __: Any) -> Any:
        return pb.ServerLiveResponse(live=True)

    async def _ready(self, _: Any, __: Any) -> Any:
        return pb.ServerReadyResponse(ready=self._running() is not None)

    async def _about(self, _: Any, __: Any) -> Any:
        return pb.ServerMetadataResponse(name="mlops-spec", version="2")

    async def _model_ready(self, request: Any, context: Any) -> Any:
        await self._model_of(request.name, request.version, context)
        return pb.ModelReadyResponse(ready=True)

    async def _model(self, request: Any, context: Any) -> Any:
        predictor = await self._model_of(request.name, request.version, context)
        return pb.ModelMetadataResponse(**metadata_of(predictor))

    async def _model_of(self, model: str, version: str, context: Any) -> Predictor:
        running = self._running()
        if running is None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the service is not ready")
        assert running is not None
        own = running.identity
        if model != own.model or version not in ("", own.version):
            asked = short(f"{model}:{version}" if version else model)
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"there is no model {asked!r}; this is {own.model!r}, version {own.version!r}",
            )
        return running

    async def _infer(self, request: Any, context: Any) -> Any:
        predictor = await self._model_of(request.model_name, request.model_version, context)
        started = time.perf_counter()
        asked = self._asked(request.id, context.invocation_metadata())
        answers: list[Any] = []

        def rows() -> Rows:
            return rows_of(predictor.reader, _tensors(request))

        def said(_: Rows, scores: Scores) -> bytes:
            found = tensors_of(predictor.scorer.meaning, scores)
            names = [output.name for output in request.outputs]
            answers.append(_response(predictor, asked, request.id, chosen(found, names)))
            return b""

        reply = await predictor.outcome(Wanted(asked, rows, said, Reply))
        predictor.metrics.answered(reply.status, time.perf_counter() - started, asked.shadow)
        if reply.status != 200:
            message = _cut(orjson.loads(reply.body)["error"])
            await context.abort(_STATUS.get(reply.status, grpc.StatusCode.INTERNAL), message)
        return answers[0]

    def _asked(self, given: str, metadata: Iterable[tuple[str, str | bytes]]) -> Asked:
        """As from HTTP's headers, which gRPC calls metadata; the request's own id after those."""
        headers = [
            (name.encode(), value.encode() if isinstance(value, str) else value)
            for name, value in metadata
        ]
        asked = self._requests.asked(headers)
        named = any(name == b"x-request-id" for name, _ in headers)
        return asked if named or not given else asked._replace(request_id=given[:MAX_ID_BYTES])


def _cut(message: str) -> str:
    """What fits into the trailers of a call, where every byte but ASCII's takes three."""
    room = MOST_OF_A_MESSAGE
    for at, character in enumerate(message):
        room -= 1 if character.isascii() else 3 * len(character.encode())
        if room < 0:
            return f"{message[:at]}…"
    return message


def _tensors(request: Any) -> list[Tensor]:
    """The inputs of a request: all as bytes beside them, or each with its contents."""
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        said = f"found {len(raw)} for {len(request.inputs)} inputs, expected one for each or none"
        raise bad("raw_input_contents", said)
    found = []
    for number, each in enumerate(request.inputs):
        if raw:
            values: Sequence[Any] | NDArray[Any] = decoded(each.name, each.datatype, raw[number])
        else:
            values = _contents(each)
        found.append(Tensor(each.name, each.datatype, tuple(each.shape), values))
    return found


def _contents(each: Any) -> list[Any]:
    field = _CONTENTS.get(each.datatype)
    if field is None:
        said = f"found {quoted(each.datatype)}, expected one of {', '.join(_CONTENTS)}"
        raise bad(f"inputs.{short(each.name)}.datatype", said)
    values = list(getattr(each.contents, field))
    if field != "bytes_contents":
        return values
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as error:
        raise bad(f"inputs.{short(each.name)}", f"a text is no UTF-8: {error.reason}") from None


def _response(predictor: Predictor, asked: Asked, given: str, tensors: Sequence[Tensor]) -> Any:
    outputs = [
        {"name": each.name, "datatype": each.datatype, "shape": each.shape} for each in tensors
    ]
    return pb.ModelInferResponse(
        model_name=predictor.identity.model, model_version=predictor.identity.version,
        id=given or asked.request_id, outputs=outputs,
        raw_output_contents=[encoded(each) for each in tensors],
    )  # fmt: skip
