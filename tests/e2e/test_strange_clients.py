"""Clients with ways of their own, on raw sockets: no 5xx, and nothing that stays."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from packaged_service import GOOD, Copy, project, released, running

from mlops_spec.runtime.service.whole_answers import MAX_HEADER_BYTES

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

BODY = json.dumps({"rows": [GOOD]}).encode()
START = b"POST /predict HTTP/1.1\r\nhost: x\r\n"
LENGTH = b"content-length: %d\r\n\r\n" % len(BODY)
WHOLE = START + LENGTH + BODY
GZIP = gzip.compress(BODY)
PACKED = START + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s" % (len(GZIP), GZIP)
NONSENSE = START + b"content-length: 1\r\n\r\n{"
CHUNKED = START + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    context = project(tmp_path_factory.mktemp("strange"))
    released(context, "0123456789abcdef")
    with running(context, "0123456789abcdef") as copy:
        yield copy


def opened(copy: Copy) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", copy.port))
    found.settimeout(60)
    return found


def codes(found: socket.socket, answers: int) -> list[int]:
    """The status codes of so many answers, or of those that came before the end."""
    text = b""
    while text.count(b"HTTP/1.1 ") < answers or not text.endswith((b"}", b"\n", b".")):
        part = found.recv(65536)
        if not part:
            break
        text += part
    return [int(word[:3]) for word in text.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    ("said", "expected"),
    {
        "in chunks": (CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY), [200]),
        "a chunk of no length": (CHUNKED + b"zz\r\n", [400]),
        "a negative length": (START + b"content-length: -1\r\n\r\n", [400]),
        "an endless length": (START + b"content-length: %d\r\n\r\n" % 10**20, [400]),
        "five at once": (WHOLE * 5, [200] * 5),
        "an id that is no text": (START + b"x-request-id: \xff\xfe\xe4\r\n" + LENGTH + BODY, [200]),
        "a path that is no text": (b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n", [400]),
        "another protocol": (b"\x16\x03\x01\x02\x00\x01\x00" * 10, [400]),
        "another version": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
        "100 KB of headers": (START + b"x-a: " + b"a" * 100_000 + b"\r\n" + LENGTH + BODY, [200]),
        "a packed body between good ones": (WHOLE + PACKED + WHOLE, [200, 415, 200]),
        "no JSON between good ones": (WHOLE + NONSENSE + WHOLE, [200, 400, 200]),
        "a body nobody asked for": (b"POST /nothing" + WHOLE[13:], [404]),
    }.values(),
)  # fmt: skip
def test_what_is_said_strangely_is_answered(served: Copy, said: bytes, expected: list[int]) -> None:
    with opened(served) as found:
        found.sendall(said)
        assert codes(found, len(expected)) == expected


def test_a_client_that_wants_to_be_told_to_go_on_is_told(served: Copy) -> None:
    with opened(served) as found:
        found.sendall(START + b"expect: 100-continue\r\n" + LENGTH)
        assert found.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        found.sendall(BODY)
        assert codes(found, 1) == [200]


def test_a_client_that_asks_no_more_gets_its_answer(served: Copy) -> None:
    with opened(served) as found:
        found.sendall(WHOLE)
        found.shutdown(socket.SHUT_WR)
        assert codes(found, 2) == [200]
        assert found.recv(1) == b""
    with opened(served) as half:
        half.sendall(WHOLE[:-1])
        half.shutdown(socket.SHUT_WR)
        assert half.recv(1) == b""


def test_endless_headers_are_refused_before_they_cost_anything(served: Copy) -> None:
    with opened(served) as found:
        found.sendall(START + b"x-a: ")
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            found.sendall(b"a" * 500 * MAX_HEADER_BYTES)
    with served.client() as client:
        assert client.get("/readyz").status_code == 200


def test_a_thousand_connections_are_answered_and_leave_nothing(served: Copy) -> None:
    (worker,) = psutil.Process(served.process.pid).children()
    before = worker.num_fds()
    many = [opened(served) for _ in range(900)]
    for found in many:
        found.sendall(WHOLE)
    assert {code for found in many for code in codes(found, 1)} == {200}
    for found in many:
        found.close()
    deadline = time.monotonic() + 60
    while worker.num_fds() > before + 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_client_that_says_nothing_or_hardly_anything_is_left(served: Copy) -> None:
    with opened(served) as silent, opened(served) as slow, opened(served) as second:
        second.sendall(WHOLE)
        assert codes(second, 1) == [200]
        waiting = {silent, slow, second}
        for found in waiting:
            found.setblocking(False)
        deadline = time.monotonic() + 120
        while waiting:
            assert time.monotonic() < deadline
            waiting = {found for found in waiting if not left(found, says=found is not silent)}
            time.sleep(0.5)


def left(found: socket.socket, says: bool) -> bool:
    """Whether the service has closed a connection, on which another byte may be said."""
    try:
        with suppress(BlockingIOError):
            if says:
                found.send(b"G")
            return found.recv(1000) == b""
    except OSError:
        return True
    return False
