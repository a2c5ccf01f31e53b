"""Answers on their way out, as ASGI wants them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mlops_spec.runtime.service.arriving import Message
from mlops_spec.runtime.service.predicting import JSON, Asked, Headers, Reply

Send = Callable[[Message], Awaitable[None]]


async def send_reply(send: Send, reply: Reply, asked: Asked) -> None:
    """The answer to a request for predictions."""
    await _write(send, reply.status, reply.body, reply.headers_to(asked))


async def send_body(
    send: Send, status: int, body: bytes, headers: Headers = (), kind: tuple[bytes, bytes] = JSON
) -> None:
    """Any other answer. The server keeps the body of an answer to HEAD to itself."""
    length = (b"content-length", b"%d" % len(body))
    await _write(send, status, body, (kind, length, *headers))


async def _write(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
