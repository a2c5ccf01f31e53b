"""Requests that are answered in the very turn of the event loop that has read them.

A small request is here whole with its headers, and a small model answers in microseconds: a task, a
scope and a cycle of messages for it would cost more than the answer (docs/adr/0071). What one turn
reads from several connections is answered together (`turns`). Every other request goes uvicorn's
usual way, as if nobody had looked at it before.
"""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from mlops_spec.runtime.service.predicting import Asked, Given, Reply
from mlops_spec.runtime.service.turns import Told, Turn
from mlops_spec.runtime.service.whole_answers import WholeAnswers

_METHOD: Final = b"POST"


class _Posted:
    """What a parser says of any request that may be answered at once."""

    def get_method(self) -> bytes:
        return _METHOD

    def get_http_version(self) -> str:
        return "1.1"

    def should_keep_alive(self) -> bool:
        return True

    def should_upgrade(self) -> bool:
        return False


_OF_ITS_KIND: Final[Any] = _Posted()


class AnsweredAtOnce(WholeAnswers):
    """The protocol of one connection to an app that has a `turn`."""

    _held = False  # whether a request's headers are here, and uvicorn does not know of it
    _waits = False  # whether it is here whole, and to be answered in this turn
    _parts: list[bytes]  # of its body
    _own_headers: Given = ()
    _own = b""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._turn: Turn | None = getattr(self.app, "turn", None)

    def data_received(self, data: bytes) -> None:
        self._settle()
        super().data_received(data)
        # The rest of the body may take long to come, or never come: uvicorn's way waits for it.
        if self._held and not self._whole.is_closing():
            self._go_the_usual_way()

    def eof_received(self) -> bool:  # type: ignore[override]
        self._settle()
        return super().eof_received()

    def shutdown(self) -> None:
        self._settle()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        self._settle()
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        self._settle()  # the one before; answers leave in the order of their requests
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        if self._may_be_at_once():
            self._held = True
            self._parts = []
        else:
            self._begin_the_usual_way()

    def on_body(self, body: bytes) -> None:
        if self._held:
            self._parts.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._held:
            super().on_message_complete()
            return
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._held, self._waits = False, True
        assert self._turn is not None
        self._turn.add(self, (self.url, self.headers, body))

    def told(self, found: Told | None) -> None:
        """What the request that waits is answered. None: it goes the usual way."""
        self._waits = False
        if self._whole.is_closing():
            return
        if found is not None:
            self._write(*found)
            return
        # The parser may be at the next request by now.
        parser, self.parser = self.parser, _OF_ITS_KIND
        try:
            self._go_the_usual_way()
            super().on_message_complete()
        finally:
            self.parser = parser

    def _settle(self) -> None:
        if self._waits and self._turn is not None:
            self._turn.answer()

    @property
    def _between(self) -> bool:
        return not self._waits and super()._between

    def _may_be_at_once(self) -> bool:
        parser = self.parser
        return (
            self._turn is not None
            and parser.get_method() == _METHOD
            # Answers leave in the order of their requests.
            and self._between
            and not self.flow.write_paused
            and not self.expect_100_continue
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )

    def _go_the_usual_way(self) -> None:
        """Tell uvicorn what is here of the request that was held."""
        self._held = False
        self._begin_the_usual_way()
        for part in self._parts:
            super().on_body(part)

    def _begin_the_usual_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the list that the scope has
        super().on_headers_complete()

    def _write(self, asked: Asked, reply: Reply) -> None:
        said = _lines(reply.headers_to(asked))
        head = (STATUS_LINE[reply.status], self._own_lines(), said, b"\r\n", reply.body)
        self._whole.write_whole(b"".join(head))
        self.server_state.total_requests += 1
        self.answered()

    def _own_lines(self) -> bytes:
        """The server's own headers; it makes a new list of them every second."""
        headers = self.server_state.default_headers
        if headers is not self._own_headers:
            self._own_headers, self._own = headers, _lines(headers)
        return self._own


def _lines(headers: Given) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])
