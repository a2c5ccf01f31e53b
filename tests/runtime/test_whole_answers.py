"""An answer leaves in one piece, and nothing is kept that should have left."""

from __future__ import annotations

from mlops_spec.runtime.service.whole_answers import Joining

HEADERS = b"HTTP/1.1 200 OK\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Transport:
    """What left, and the end."""

    def __init__(self) -> None:
        self.left: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.left.append(data)

    def close(self) -> None:
        self.left.append(b"closed")

    def _nothing(self) -> None: ...

    get_extra_info = is_closing = pause_reading = resume_reading = set_protocol = _nothing


def left(*writes: bytes, flushed: bool = False, closed: bool = False) -> list[bytes]:
    transport = Transport()
    joining = Joining(transport)
    for data in writes:
        joining.write(data)
    if flushed:
        joining.flush()
    if closed:
        joining.close()
    return transport.left


def test_headers_leave_with_their_body() -> None:
    assert left(HEADERS, b"body") == [HEADERS + b"body"]
    assert left(HEADERS, b"", HEADERS, b"two") == [HEADERS, HEADERS + b"two"]


def test_headers_without_a_body_leave_when_the_answer_is_whole() -> None:
    assert left(HEADERS) == []
    assert left(HEADERS, flushed=True) == [HEADERS]
    assert left(HEADERS, closed=True) == [HEADERS, b"closed"]
    assert left(HEADERS, b"body", flushed=True, closed=True) == [HEADERS + b"body", b"closed"]


def test_a_client_that_waits_to_be_told_to_go_on_is_told_at_once() -> None:
    assert left(CONTINUE, HEADERS, b"body") == [CONTINUE, HEADERS + b"body"]


def test_a_body_that_looks_like_headers_leaves_with_its_answer() -> None:
    assert left(HEADERS, HEADERS) == [HEADERS + HEADERS]
