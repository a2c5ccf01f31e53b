"""HTTP as uvicorn speaks it, but an answer leaves in one piece.

Uvicorn writes the headers of an answer, then its body. A worker that is killed in between leaves
half an answer, which no router can ask again; and each write costs as much as reading a row.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class WholeAnswers(HttpToolsProtocol):
    """The protocol of one connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._whole = Joining(transport)
        super().connection_made(self._whole)  # type: ignore[arg-type]

    def on_response_complete(self) -> None:
        self._whole.flush()
        super().on_response_complete()


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

    def flush(self) -> None:
        """Headers without a body, as HEAD is answered."""
        if self._headers:
            self._transport.write(self._headers)
            self._headers = b""

    def close(self) -> None:
        self.flush()
        self._transport.close()
