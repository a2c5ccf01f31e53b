"""The bodies of requests on their way in: bounded in size and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
BODY_WITHIN: Final = 30.0  # seconds, from the request's headers
LOOKS_EVERY: Final = 1.0  # seconds


class TooLarge(Exception):
    """The body has more than `MAX_BODY_BYTES`."""


class Gone(Exception):
    """The client has left before its body was here."""


class Arriving:
    """The bodies of one event loop that are not here yet.

    One timer looks at all of them: most bodies are here with their headers, and a timer each would
    cost as much as reading a row.
    """

    def __init__(self) -> None:
        self._since: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def body(self, receive: Receive) -> bytes:
        """The whole body. `TooLarge`, after it was read; `TimeoutError`; `Gone`."""
        task = asyncio.current_task()
        assert task is not None
        if self._timer is None:
            self._look_later()
        self._since[task] = time.monotonic()
        try:
            message = await receive()
            if message.get("more_body") or message["type"] != "http.request":
                return await _rest(message, receive)
            found: bytes = message.get("body", b"")
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._since[task]
            self._late.discard(task)
        if len(found) > MAX_BODY_BYTES:
            raise TooLarge
        return found

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOKS_EVERY, self._look)

    def _look(self) -> None:
        self._timer = None
        before = time.monotonic() - BODY_WITHIN
        for task in [task for task, since in self._since.items() if since < before]:
            self._late.add(task)
            task.cancel()
        if self._since:
            self._look_later()


async def _rest(message: Message, receive: Receive) -> bytes:
    """A body of several parts. What is too large is read to its end, and not kept."""
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
        if not message.get("more_body"):
            break
        message = await receive()
    if size > MAX_BODY_BYTES:
        raise TooLarge
    return b"".join(parts)
