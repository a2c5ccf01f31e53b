"""Who is answered at once is answered as everybody else, in order, however the request arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from mlops_spec.runtime.service.asked_again import Careful
from mlops_spec.runtime.service.at_once import AnsweredAtOnce
from mlops_spec.runtime.service.predicting import Asked, Reply
from mlops_spec.runtime.service.turns import Post, Told, Turn


class Echo:
    """Says how it was asked, and what. A body that begins with `later` takes more than a turn."""

    def __init__(self) -> None:
        self.turn = Turn(self.at_once)
        self.turns: list[int] = []  # requests that were answered together

    def at_once(self, posts: Sequence[Post], since: float) -> list[Told | None]:
        self.turns.append(len(posts))
        return [self.one(*post) for post in posts]

    def one(self, url: bytes, headers: Any, body: bytes) -> Told | None:
        if url != b"/predict" or body.startswith(b"later"):
            return None
        return Asked(str(len(headers))), Reply(200, b"at once:" + body)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        said = b"usual:" + body + message.get("body", b"")
        await asyncio.sleep(0)
        headers = [(b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})


class Wire(asyncio.Transport):
    """What a client of one connection got."""

    def __init__(self) -> None:
        super().__init__()
        self.got = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: Any) -> None:
        self.got += data

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def asked(
    body: bytes, *lines: str, path: str = "/predict", how: str = "POST", v: str = "1.1"
) -> bytes:
    head = [f"{how} {path} HTTP/{v}", f"content-length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def answers(pieces: Sequence[bytes], app: Any = None) -> list[str]:
    """The bodies of what is answered; `closed` at the end of a connection that was closed."""

    async def talk() -> Wire:
        config = uvicorn.Config(
            app or Echo(), access_log=False, interface="asgi3", ws="none", proxy_headers=False
        )
        config.load()
        protocol = AnsweredAtOnce(config, ServerState(), {})
        wire = Wire()
        protocol.connection_made(wire)
        for piece in pieces:
            protocol.data_received(piece)
            for _ in range(10):
                await asyncio.sleep(0)
        closed = wire.closed
        protocol.connection_lost(None)
        wire.closed = closed
        return wire

    wire = asyncio.run(talk())
    found = []
    for answer in wire.got.split(b"HTTP/1.1 ")[1:]:
        head, _, body = answer.partition(b"\r\n\r\n")
        if head.startswith(b"200"):
            assert b"content-length: %d" % len(body) in head.lower()
        found.append(body.decode() if body else head.decode())
    return [*found, "closed"] if wire.closed else found


def test_a_request_that_is_here_whole_is_answered_at_once() -> None:
    assert answers([asked(b"1")]) == ["at once:1"]
    assert answers([asked(b"")]) == ["at once:"]
    assert answers([asked(b"1"), asked(b"2")]) == ["at once:1", "at once:2"]


def test_a_request_that_comes_in_two_pieces_is_answered_once_wherever_it_is_cut() -> None:
    request = asked(b"body", "x: y")
    body = request.index(b"\r\n\r\n") + 4
    for cut in range(1, len(request)):
        # Without its headers nothing was asked yet; with them and half a body it waits as usual.
        how = "usual" if cut >= body else "at once"
        assert answers([request[:cut], request[cut:]]) == [f"{how}:body"], cut
    assert answers([request[cut : cut + 1] for cut in range(len(request))]) == ["usual:body"]


def test_requests_behind_each_other_are_answered_in_their_order() -> None:
    one, two, later = asked(b"1"), asked(b"2"), asked(b"later")
    assert answers([one + two]) == ["at once:1", "at once:2"]
    assert answers([later + one + two]) == ["usual:later", "usual:1", "usual:2"]
    assert answers([one + later + two]) == ["at once:1", "usual:later", "usual:2"]
    assert answers([later + one, two]) == ["usual:later", "usual:1", "at once:2"]
    assert answers([one + two[:-1], b"2" + one]) == ["at once:1", "usual:2", "usual:1"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (asked(b"1", path="/other"), ["usual:1"]),
        (asked(b"1", path="/predict?a=b"), ["usual:1"]),
        (asked(b"1", how="PUT"), ["usual:1"]),
        (asked(b"later"), ["usual:later"]),
        (asked(b"1", v="1.0"), ["usual:1", "closed"]),
        (asked(b"1", "connection: close"), ["usual:1", "closed"]),
        (asked(b"1", "expect: 100-continue"), ["100 Continue", "usual:1"]),
        (b"nothing of HTTP\r\n\r\n", ["Invalid HTTP request received.", "closed"]),
    ],
)
def test_whatever_else_is_asked_goes_the_usual_way(request_: bytes, expected: list[str]) -> None:
    assert [each.strip() for each in answers([request_])] == expected


def test_a_body_in_chunks_is_one_body() -> None:
    head = b"POST /predict HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    assert answers([head + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"]) == ["at once:ab"]


def test_an_app_without_a_quick_answer_is_asked_as_usual() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Echo()(scope, receive, send)

    assert answers([asked(b"1") + asked(b"2")], app) == ["usual:1", "usual:2"]


def test_after_a_death_only_what_is_asked_for_the_third_time_is_looked_at_more_closely() -> None:
    def after(seconds: float, attempts: int) -> list[str]:
        times: Callable[[], float] = iter([0.0, *[seconds] * 9]).__next__
        request = asked(b"1", f"x-envoy-attempt-count: {attempts}")
        return answers([request], Careful(Echo(), times))

    assert after(1.0, 2) == after(100.0, 3) == ["at once:1"]
    (refused,) = after(1.0, 3)
    assert "workers died while they answered this request" in refused
