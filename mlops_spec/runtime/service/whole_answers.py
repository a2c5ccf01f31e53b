"""HTTP as uvicorn speaks it, with answers in one piece and an end to requests that never come.

Uvicorn writes the headers of an answer, then its body. A worker that is killed in between leaves
half an answer, which no router can ask again; and each write costs as much as reading a row. It
also reads headers of any length for any time: 20 MB of them stop all answers for two seconds.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# What may arrive before the headers are complete: a body can begin in the same 256 kB.
MAX_HEADER_BYTES: Final = 512 * 1024
# Headers take no longer than twice this; a connection on which nothing ever comes is closed, too.
LOOKS_EVERY: Final = 15.0  # seconds
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class WholeAnswers(HttpToolsProtocol):
    """The protocol of one connection."""

    _arrived = 0  # bytes since the last answer, while headers are not complete
    _answered = 0  # requests
    _seen = -1  # of these, when the last look found that nobody waited
    _look: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._whole = Joining(transport)
        super().connection_made(self._whole)  # type: ignore[arg-type]
        self._look = self.loop.call_later(LOOKS_EVERY, self._look_at)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        cycle = self.cycle
        # Not the rest of a body that was refused by its first bytes.
        if cycle is None or (cycle.response_complete and not cycle.more_body):
            self._arrived += len(data)
            if self._arrived > MAX_HEADER_BYTES:
                self._whole.write(_TOO_LARGE)
                self._whole.close()
                return
        super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whoever asks no more may still wait for an answer to what is here whole."""
        if self._between or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def on_response_complete(self) -> None:
        self.answered()
        self._whole.flush()
        super().on_response_complete()

    def answered(self) -> None:
        """A request has had its answer."""
        self._arrived = 0
        self._answered += 1

    @property
    def _between(self) -> bool:
        """Whether no request waits for its answer."""
        return self.cycle is None or self.cycle.response_complete

    def _look_at(self) -> None:
        if self._between and self._seen == self._answered:
            self._whole.close()
            return
        self._seen = self._answered if self._between else -1
        self._look = self.loop.call_later(LOOKS_EVERY, self._look_at)


class Joining:
    """A transport that keeps the headers of an answer until its body is there."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._headers = b""
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.set_protocol = transport.set_protocol

    def write(self, data: bytes) -> None:
        if self._headers:
            data, self._headers = self._headers + data, b""
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100"):
            self._headers = data
            return
        self._transport.write(data)

    def write_whole(self, answer: bytes) -> None:
        """Headers and body."""
        self.flush()
        self._transport.write(answer)

    def flush(self) -> None:
        """Headers without a body, as HEAD is answered."""
        if self._headers:
            self._transport.write(self._headers)
            self._headers = b""

    def close(self) -> None:
        self.flush()
        self._transport.close()
