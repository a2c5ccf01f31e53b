"""The ASGI application behind a model's service: a typed request in, scores out, rows logged.

It is plain ASGI: each layer of a web framework costs more than scoring a row (docs/adr/0022).
Besides POST /predict it answers /livez, /readyz, /metrics and /openapi.json.
"""

from __future__ import annotations

import asyncio
import gc
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, Field

from mlops_spec.runtime.declare import Trust
from mlops_spec.runtime.portable.scorer import Scorer, Scores, load
from mlops_spec.runtime.service.metrics import ServiceMetrics
from mlops_spec.runtime.service.openapi import description_of
from mlops_spec.runtime.service.prediction_log import Answered, Identity, PredictionLog
from mlops_spec.runtime.service.scoring import Overloaded, Scoring
from mlops_spec.runtime.service.startup import log as _log
from mlops_spec.runtime.service.startup import proven, said, workspace_here
from mlops_spec.runtime.service.typed_rows import BadRequest, Problem, RowReader, Rows
from mlops_spec.terms.workspace import Workspace

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A double holds every whole number up to here, and a model sees doubles.
Integer = Annotated[int, Field(ge=-(2**53), le=2**53)]

MODEL_FOLDER: Final = "model"
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
MAX_ID_BYTES: Final = 128
BODY_WITHIN: Final = 30.0  # seconds, from the request's headers
# More rows than these take milliseconds, in which the event loop would answer nobody else.
INLINE_ROWS: Final = 64
_JSON: Final = (b"content-type", b"application/json")
_TEXT: Final = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


@dataclass(frozen=True, slots=True)
class _Running:
    """What exists between `open` and `close`."""

    scorer: Scorer
    identity: Identity
    metrics: ServiceMetrics
    log: PredictionLog | None
    scoring: Scoring


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the headers of a request say."""

    request_id: str
    arm: str
    shadow: bool


class PredictionApp:
    """The application of one model. `open` before the first request, `close` after the last."""

    def __init__(
        self,
        *,
        row: type[BaseModel],
        answer: type[BaseModel],
        folder: Path,
        max_rows: int,
        timeout: float,
        trust: Trust | None = None,
    ) -> None:
        """`folder` holds a release, its evidence and its model, as packaging puts them there.

        An answer that takes longer than `timeout` seconds is a 504. Without `trust`, evidence must
        be signed with the workspace's own key.
        """
        self._reader = RowReader(row, max_rows)
        self._answer = answer
        self._folder = folder
        self._timeout = timeout
        self._trust = trust
        self._running: _Running | None = None
        self._get: Final = {
            "/livez": self._live, "/readyz": self._ready, "/healthz": self._live,
            "/metrics": self._metrics, "/openapi.json": self._openapi,
        }  # fmt: skip

    def open(self) -> None:
        """Load the model and start the log. `Refusal` when the model is not what was released."""
        if self._running is not None:
            return
        workspace = workspace_here()
        release = proven(self._folder, self._trust, workspace).release
        identity = Identity(release["model"], release["version"], release["release"])
        metrics = ServiceMetrics(identity.model, identity.release)
        scorer = load(self._folder / MODEL_FOLDER, release["digest"])
        log = self._open_log(workspace, identity, metrics)
        self._running = _Running(scorer, identity, metrics, log, Scoring(self._timeout))
        _log.info("%s %s serves as %s", identity.model, identity.release, scorer.kind)
        # What was loaded stays: looking through it for garbage would stop all answers for 70 ms.
        gc.collect()
        gc.freeze()

    def _open_log(
        self, workspace: Workspace | None, identity: Identity, metrics: ServiceMetrics
    ) -> PredictionLog | None:
        if workspace is None:
            _log.warning("MLOPS_SPEC_WORKSPACE is not set: predictions are not logged")
            return None
        folder = workspace.predictions(identity.model, identity.release)
        return PredictionLog(folder, identity, self._reader.columns, metrics.dropped)

    def close(self) -> None:
        """Write what the log still holds."""
        running, self._running = self._running, None
        if running is None:
            return
        running.scoring.close()
        if running.log is not None:
            running.log.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self.open()
        # The server prints the message and exits; a traceback would hide it.
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": said(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == "/predict":
            await self._predict(scope, receive, send)
        elif path not in self._get:
            await _send(send, 404, _error(f"there is no {path}; predictions are at /predict"))
        elif method not in ("GET", "HEAD"):
            await _send(send, 405, _error(f"{path} answers GET"), ((b"allow", b"GET"),))
        else:
            status, body, kind = self._get[path]()
            await _send(send, status, body if method == "GET" else b"", (), kind)

    def _live(self) -> tuple[int, bytes, tuple[bytes, bytes]]:
        return 200, b"\n", _TEXT

    def _ready(self) -> tuple[int, bytes, tuple[bytes, bytes]]:
        return (
            (503, b"no model is loaded\n", _TEXT) if self._running is None else (200, b"\n", _TEXT)
        )

    def _metrics(self) -> tuple[int, bytes, tuple[bytes, bytes]]:
        return 200, self._running.metrics.text() if self._running else b"", _TEXT

    def _openapi(self) -> tuple[int, bytes, tuple[bytes, bytes]]:
        return 200, orjson.dumps(description_of(self._reader, self._answer)), _JSON

    async def _predict(self, scope: Message, receive: Receive, send: Send) -> None:
        asked = _asked(scope["headers"])
        running = self._running
        if running is None:
            await _answer(send, 503, _error("the service is not ready"), asked)
            return
        if scope["method"] != "POST":
            await _answer(send, 405, _error("/predict answers POST"), asked)
            return
        try:
            async with asyncio.timeout(BODY_WITHIN):
                body = await _body(receive)
        except TimeoutError:
            await _answer(send, 408, _error(f"no body within {BODY_WITHIN:g} s"), asked)
            running.metrics.answered(408, BODY_WITHIN)
            return
        started = time.perf_counter()
        status, answer = await self._outcome(running, body, asked)
        await _answer(send, status, answer, asked)
        running.metrics.answered(status, time.perf_counter() - started)

    async def _outcome(
        self, running: _Running, body: bytes | None, asked: _Asked
    ) -> tuple[int, bytes]:
        if body is None:
            return 413, _error(f"the body is larger than {MAX_BODY_BYTES} bytes")
        try:
            rows = self._reader.read(body)
            if len(rows) <= INLINE_ROWS and running.scorer.kind == "onnx":
                scores = running.scorer.score(rows.columns)
            else:
                scores = await running.scoring.score(running.scorer, rows.columns)
            answer = _answered(running.identity, asked, scores)
        except BadRequest as refused:
            return refused.status, _error(str(refused), refused.problems)
        except Overloaded:
            return 503, _error("too many requests are being answered; try again in a second")
        except TimeoutError:
            return 504, _error(f"the model took more than {self._timeout:g} s")
        except Exception:
            _log.exception("request %s failed", asked.request_id)
            return 500, _error("the model failed on this request; the service's log says how")
        _record(running, rows, scores, asked)
        return 200, answer


def _asked(headers: list[tuple[bytes, bytes]]) -> _Asked:
    found = dict(headers)
    given = found.get(b"x-request-id", b"")[:MAX_ID_BYTES].decode("ascii", "replace")
    return _Asked(
        given or uuid.uuid4().hex,
        found.get(b"x-mlops-release", b"").decode("ascii", "replace"),
        found.get(b"x-mlops-shadow") == b"1",
    )


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is larger than we take, then the rest is not kept."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if size <= MAX_BODY_BYTES else None


def _answered(identity: Identity, asked: _Asked, scores: Scores) -> bytes:
    predictions: list[dict[str, Any]] = [
        {"score": score, "decision": decision}
        for score, decision in zip(scores.score, scores.decision, strict=True)
    ]
    for prediction, probabilities in zip(predictions, scores.probabilities or (), strict=False):
        prediction["probabilities"] = probabilities
    return orjson.dumps({
        "model": identity.model, "release": identity.release, "version": identity.version,
        "request_id": asked.request_id, "predictions": predictions,
    })  # fmt: skip


def _record(running: _Running, rows: Rows, scores: Scores, asked: _Asked) -> None:
    if running.log is None:
        return
    running.log.add(
        Answered(
            time.time(), asked.request_id, asked.arm, asked.shadow, rows.keys, rows.times,
            rows.columns, scores.score, scores.decision, scores.probabilities,
        )
    )  # fmt: skip


def _error(message: str, problems: tuple[Problem, ...] = ()) -> bytes:
    fields = [{"field": problem.field, "message": problem.message} for problem in problems]
    return orjson.dumps({"error": message, "problems": fields})


async def _answer(send: Send, status: int, body: bytes, asked: _Asked) -> None:
    headers = [(b"x-request-id", asked.request_id.encode("ascii", "replace"))]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await _send(send, status, body, tuple(headers))


async def _send(
    send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = (),
    kind: tuple[bytes, bytes] = _JSON,
) -> None:  # fmt: skip
    length = (b"content-length", str(len(body)).encode())
    await send(
        {"type": "http.response.start", "status": status, "headers": [kind, length, *headers]}
    )
    await send({"type": "http.response.body", "body": body})
