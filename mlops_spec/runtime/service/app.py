"""The ASGI application behind a model's service: a typed request in, scores out, rows logged.

It is plain ASGI: each layer of a web framework costs more than scoring a row (docs/adr/0022).
Besides POST /predict it answers /, /livez, /readyz, /metrics, /openapi.json, and the Open Inference
Protocol under /v2.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
from pydantic import BaseModel

from mlops_spec.runtime.declare import Trust
from mlops_spec.runtime.portable.scorer import Scorer, load
from mlops_spec.runtime.service import open_inference_http
from mlops_spec.runtime.service.arriving import (
    BODY_WITHIN,
    MAX_BODY_BYTES,
    Arriving,
    Gone,
    Message,
    Receive,
    TooLarge,
)
from mlops_spec.runtime.service.encoded import understood
from mlops_spec.runtime.service.found import short
from mlops_spec.runtime.service.inline import inline
from mlops_spec.runtime.service.leaving import Send, send_body, send_reply
from mlops_spec.runtime.service.log_files import imported
from mlops_spec.runtime.service.log_table import Identity
from mlops_spec.runtime.service.metrics import ServiceMetrics
from mlops_spec.runtime.service.open_inference_http import inferred, inferred_by_path
from mlops_spec.runtime.service.openapi import description_of
from mlops_spec.runtime.service.posted import answered
from mlops_spec.runtime.service.predicting import (
    JSON,
    Asked,
    Given,
    Predictor,
    Reply,
    Requests,
    Understood,
    error_body,
    predicted,
)
from mlops_spec.runtime.service.prediction_log import PredictionLog
from mlops_spec.runtime.service.row_types import Integer
from mlops_spec.runtime.service.scoring import Scoring
from mlops_spec.runtime.service.shared_log import KIND, is_shared, newest
from mlops_spec.runtime.service.startup import log as _log
from mlops_spec.runtime.service.startup import proven, said, settle, workspace_here
from mlops_spec.runtime.service.turns import Post, Told, Turn
from mlops_spec.runtime.service.typed_rows import RowReader
from mlops_spec.terms.workspace import Workspace

if TYPE_CHECKING:
    from mlops_spec.runtime.service.open_inference_grpc import InferenceServer

Answer = tuple[int, bytes, tuple[bytes, bytes]]

# Services that were rendered before take `Integer` from here.
__all__ = ["GRPC_ADDRESS", "Integer", "PredictionApp"]
GRPC_ADDRESS: Final = "MLOPS_SPEC_GRPC"  # host:port; port 0 is any that is free
MODEL_FOLDER: Final = "model"
_POST_ONLY: Final = (JSON, (b"allow", b"POST"))
_VARIES: Final = ((b"vary", b"accept"),)
_TEXT: Final = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


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
        self._grpc = False
        self._arriving = Arriving()
        self._requests = Requests()
        self._loaded: tuple[Identity, Scorer] | None = None
        self._running: Predictor | None = None
        self._understood: dict[bytes, Understood] = {}  # by path
        self.turn: Final = Turn(self.at_once)
        self._logged: Path | None = None  # the folder of the prediction log
        self._get: Final = {
            "/": self._front, "/livez": self._live, "/readyz": self._ready, "/healthz": self._live,
            "/metrics": self._metrics, "/openapi.json": self._openapi,
        }  # fmt: skip

    def answer_grpc(self) -> None:
        """Answer the Open Inference Protocol over gRPC too, at the address in MLOPS_SPEC_GRPC."""
        self._grpc = True

    def load(self) -> None:
        """Load the model. `Refusal` when it is not what was released.

        Workers that are forked after this share its memory.
        """
        if self._loaded is not None:
            return
        workspace = workspace_here()
        release = proven(self._folder, self._trust, workspace).release
        scorer = load(self._folder / MODEL_FOLDER, release["digest"])
        identity = Identity(release["model"], release["version"], release["release"])
        self._loaded = (identity, scorer)
        if workspace is not None:
            imported()
        _log.info("%s %s serves as %s", identity.model, identity.release, scorer.kind)
        settle()

    def open(self) -> None:
        """`load`, and start the log."""
        if self._running is not None:
            return
        self.load()
        assert self._loaded is not None
        identity, scorer = self._loaded
        metrics = ServiceMetrics(identity.model, identity.release)
        # Here, after the fork: no two workers may give the same ids.
        self._requests = Requests()
        self._understood = {b"/predict": predicted, **inferred_by_path(identity)}
        log = self._open_log(workspace_here(), identity, metrics)
        self._running = Predictor(
            self._reader, scorer, inline(scorer, tuple(self._reader.columns)), identity, metrics,
            log, Scoring(self._timeout), self._timeout,
        )  # fmt: skip

    def _open_log(
        self, workspace: Workspace | None, identity: Identity, metrics: ServiceMetrics
    ) -> PredictionLog | None:
        if workspace is None:
            _log.warning("MLOPS_SPEC_WORKSPACE is not set: predictions are not logged")
            return None
        self._logged = folder = workspace.predictions(identity.model, identity.release)
        return PredictionLog(
            folder, identity, self._reader.columns, metrics.dropped, metrics.logged
        )

    def close(self) -> None:
        """Write what the log still holds."""
        running, self._running = self._running, None
        if running is not None:
            running.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self.open()
            beside = await self._beside()
        # The server prints the message and exits; a traceback would hide it.
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": said(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if beside is not None:
            await beside.stop(self._timeout)
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _beside(self) -> InferenceServer | None:
        """The gRPC server, where one is asked for."""
        if not self._grpc:
            return None
        from mlops_spec.runtime.service.open_inference_grpc import InferenceServer

        address = os.environ.get(GRPC_ADDRESS, "127.0.0.1:9000")
        found = InferenceServer(lambda: self._running, self._requests)
        port = await found.start(address)
        _log.info("gRPC is answered at %s:%d", address.rpartition(":")[0], port)
        return found

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == "/predict":
            await self._predict(scope, receive, send)
        elif path.startswith(open_inference_http.ROOT):
            await self._open_inference(scope, receive, send)
        elif is_shared(path):
            tar = await newest(self._logged, scope.get("query_string", b""))
            await send_body(send, 200, tar, (), KIND)
        elif path not in self._get:
            said = f"there is no {short(path)}; predictions are at /predict, / says what else is"
            await send_body(send, 404, error_body(said))
        elif method not in ("GET", "HEAD"):
            said = f"{path} answers GET and HEAD, not {short(method)}"
            await send_body(send, 405, error_body(said), ((b"allow", b"GET, HEAD"),))
        else:
            status, body, kind = self._get[path](scope["headers"])
            await send_body(send, status, body, _VARIES if path == "/" else (), kind)

    def _front(self, given: Given = ()) -> Answer:
        if self._running is None:
            return 503, error_body("the service is not ready"), JSON
        from mlops_spec.runtime.service.front import front

        return front(self._running, given)

    def _live(self, _: Given = ()) -> Answer:
        return 200, b"\n", _TEXT

    def _ready(self, _: Given = ()) -> Answer:
        return self._live() if self._running else (503, b"no model is loaded\n", _TEXT)

    def _metrics(self, _: Given = ()) -> Answer:
        return 200, self._running.metrics.text() if self._running else b"", _TEXT

    def _openapi(self, _: Given = ()) -> Answer:
        if self._running is None:
            return 503, error_body("the service is not ready"), JSON
        return 200, orjson.dumps(description_of(self._answer, self._running)), JSON

    async def _predict(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        asked, running = self._requests.asked(headers), self._running
        if running is None:
            await send_reply(send, Reply(503, error_body("the service is not ready")), asked)
        elif scope["method"] != "POST":
            said = f"/predict answers POST, not {short(scope['method'])}; GET / shows a request"
            await send_reply(send, Reply(405, error_body(said), _POST_ONLY), asked)
        else:
            await self._timed(
                running, asked, headers, receive, send,
                lambda body: running.outcome(predicted(running, asked, headers, body)),
            )  # fmt: skip

    async def _open_inference(self, scope: Message, receive: Receive, send: Send) -> None:
        asked = self._requests.asked(scope["headers"])
        running = self._running
        reply = open_inference_http.told(running, scope["method"], scope["path"])
        if reply is not None or running is None:
            await send_reply(send, reply or Reply(503, b""), asked)
            return
        headers = scope["headers"]
        await self._timed(
            running, asked, headers, receive, send,
            lambda body: running.outcome(inferred(running, asked, headers, body)),
        )  # fmt: skip

    def at_once(self, posts: Sequence[Post], since: float) -> list[Told | None]:
        """The answers to several POST; None for one that is not for a turn of the event loop.

        `since`: when the first of them was here, as `time.perf_counter`.
        """
        running = self._running
        if running is None:
            return [None] * len(posts)
        return answered(running, self._understood, self._requests, posts, since)

    async def _timed(
        self, running: Predictor, asked: Asked, given: Given, receive: Receive, send: Send,
        work: Callable[[bytes], Awaitable[Reply]],
    ) -> None:  # fmt: skip
        started = time.perf_counter()
        try:
            body = await self._arriving.body(receive)
            started = time.perf_counter()
            reply = understood(await work(body), given)
        except TooLarge:
            reply = Reply(413, error_body(f"the body is larger than {MAX_BODY_BYTES} bytes"))
        except TimeoutError:
            reply = Reply(408, error_body(f"no body within {BODY_WITHIN:g} s"))
        except Gone:
            return
        await send_reply(send, reply, asked)
        running.metrics.answered(reply.status, time.perf_counter() - started, asked.shadow)
