"""What one turn of the loop reads from several connections is answered together, and as alone."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from proving import prove
from test_at_once import Echo, Wire, asked
from test_service_app import Answer, Model, Row
from uvicorn.server import ServerState

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.service import app as app_module
from mlops_spec.runtime.service.app import PredictionApp
from mlops_spec.runtime.service.at_once import AnsweredAtOnce
from mlops_spec.runtime.service.turns import ALONE, LOOKS_EVERY, MOST, SMALL, Post
from mlops_spec.state import Store
from mlops_spec.terms.workspace import Workspace

ONE = asked(b"1")


class Client:
    """A connection to a server."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(
            app, access_log=False, interface="asgi3", ws="none", proxy_headers=False
        )
        config.load()
        self.server = AnsweredAtOnce(config, ServerState(), {})
        self.wire = Wire()
        self.server.connection_made(self.wire)

    def asks(self, data: bytes) -> None:
        self.server.data_received(data)

    @property
    def got(self) -> list[str]:
        """The bodies of the answers."""
        parts = self.wire.got.split(b"HTTP/1.1 ")[1:]
        return [part.partition(b"\r\n\r\n")[2].decode() for part in parts]


async def turns_of_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def story(tell: Callable[[Echo, list[Client]], Any], clients: int = 3) -> tuple[list[Any], Echo]:
    """What each client got of one turn, and the app."""
    echo = Echo()

    async def play() -> list[Any]:
        there = [Client(echo) for _ in range(clients)]
        tell(echo, there)
        await turns_of_the_loop()
        for client in there:
            client.server.connection_lost(None)
        return [client.got for client in there]

    return asyncio.run(play()), echo


def all_ask(_: Echo, clients: Sequence[Client]) -> None:
    for number, client in enumerate(clients):
        client.asks(asked(b"%d" % number))


def test_requests_of_one_turn_are_answered_together() -> None:
    got, echo = story(all_ask)
    assert (got, echo.turns) == ([["at once:0"], ["at once:1"], ["at once:2"]], [3])


def test_no_turn_takes_more_than_so_many() -> None:
    got, echo = story(all_ask, MOST + 1)
    assert (got[-1], echo.turns) == ([f"at once:{MOST}"], [MOST, 1])


def test_a_large_request_waits_for_nobody_and_nobody_for_it() -> None:
    large = b"1" * (SMALL + 1)

    def tell(echo: Echo, clients: list[Client]) -> None:
        for client, body in zip(clients, (b"1", large, b"2"), strict=True):
            client.asks(asked(body))
        assert [len(client.got) for client in clients] == [0, 1, 0]

    got, echo = story(tell)
    assert got == [["at once:1"], [f"at once:{large.decode()}"], ["at once:2"]]
    assert echo.turns == [1, 2]


def test_one_that_must_go_the_usual_way_does_so_and_the_others_do_not() -> None:
    def tell(_: Echo, clients: list[Client]) -> None:
        for client, body in zip(clients, (b"1", b"later", b"2"), strict=True):
            client.asks(asked(body))

    got, echo = story(tell)
    assert (got, echo.turns) == ([["at once:1"], ["usual:later"], ["at once:2"]], [3])


def test_an_error_of_ours_leaves_no_connection_without_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def tell(echo: Echo, clients: list[Client]) -> None:
        echo.one = lambda *_: 1 / 0  # type: ignore[assignment, misc, return-value]
        all_ask(echo, clients)

    assert story(tell)[0] == [["usual:0"], ["usual:1"], ["usual:2"]]
    assert "3 requests could not be answered at once" in caplog.text


@pytest.mark.parametrize("bodies", [*itertools.permutations([b"1", b"later", b"2"])])
@pytest.mark.parametrize("reads", [1, 2, 3])
def test_requests_behind_each_other_keep_their_order_beside_those_of_others(
    bodies: tuple[bytes, ...], reads: int
) -> None:
    requests = [asked(body) for body in bodies]
    whole = b"".join(requests)
    pieces = {1: [whole], 2: [requests[0], whole[len(requests[0]) :]], 3: requests}[reads]

    def tell(_: Echo, clients: list[Client]) -> None:
        for piece in pieces:
            for client in clients:
                client.asks(piece)

    got, _ = story(tell)
    told = [[each.partition(":")[2].encode() for each in client] for client in got]
    assert told == [list(bodies)] * 3


def test_who_leaves_in_between_costs_the_others_no_answer() -> None:
    def tell(echo: Echo, clients: list[Client]) -> None:
        all_ask(echo, clients)
        clients[1].wire.close()
        clients[1].server.connection_lost(None)

    assert story(tell)[0] == [["at once:0"], [], ["at once:2"]]


@pytest.mark.parametrize(
    "ends",
    [
        lambda client: client.server.eof_received(),
        lambda client: client.server.shutdown(),
        lambda client: client.asks(b"nothing of HTTP\r\n\r\n"),
    ],
    ids=["half closed", "shut down", "garbage"],
)
def test_whoever_ends_a_connection_its_request_is_answered_before(
    ends: Callable[[Client], object],
) -> None:
    def tell(echo: Echo, clients: list[Client]) -> None:
        all_ask(echo, clients)
        ends(clients[1])

    got, _ = story(tell)
    assert [client[0] for client in got] == ["at once:0", "at once:1", "at once:2"]


def test_garbage_behind_a_request_in_one_read_is_answered_after_it() -> None:
    got, _ = story(lambda _, clients: clients[0].asks(ONE + b"nothing of HTTP\r\n\r\n"), 1)
    assert got == [["at once:1", "Invalid HTTP request received."]]


def test_who_asks_alone_is_answered_where_he_is_read_and_company_is_looked_for() -> None:
    async def play() -> list[int]:
        echo = Echo()
        client, other = Client(echo), Client(echo)
        in_its_read = []
        for number in range(2 * LOOKS_EVERY):
            before = len(client.got)
            client.asks(ONE)
            if len(client.got) > before:
                in_its_read.append(number)
            await turns_of_the_loop()
        for each in (client, other):
            each.asks(ONE)
        await turns_of_the_loop()
        assert echo.turns == [*[1] * 2 * LOOKS_EVERY, 2]
        return in_its_read

    found = asyncio.run(play())
    assert found == [n for n in range(2 * LOOKS_EVERY) if n >= ALONE and n % LOOKS_EVERY]


class Portable(Model):
    kind = "onnx"  # type: ignore[assignment]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[PredictionApp]:
    place = Workspace.of(tmp_path / "p", "local")
    prove(Context("m", tmp_path / "p", place, Store.at(place.state), {}), tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "load", lambda *_: Portable())
        patch.setenv("MLOPS_SPEC_WORKSPACE", str(place.root))
        app = PredictionApp(row=Row, answer=Answer, folder=tmp_path, max_rows=64, timeout=60.0)
        app.open()
        yield app
        app.close()


BODIES = (
    b'{"distance": 1.0, "stops": 1}', b'{"distance": 2.0, "stops": 1}',
    b'{"rows": [{"distance": 3.0, "stops": 1}, {"distance": 4.0, "stops": 2}]}',
    b'{"distance": -1.0, "stops": 1}',  # below its bound
    b'{"distance": 666.0, "stops": 1}',  # the model fails on it
    b'{"distance": 5.0, "stops": 5.0}', b"[", b"", b"\x1f\x8b",
)  # fmt: skip


INFERENCE = (
    b'{"inputs": [{"name": "distance", "shape": [1], "datatype": "FP64", "data": [7.0]},'
    b' {"name": "stops", "shape": [1], "datatype": "INT64", "data": [1]}]}'
)


def answers(app: PredictionApp, posts: Sequence[Post]) -> list[Any]:
    """Status and content of each, without the id that each request gets."""
    found: list[Any] = []
    for told in app.at_once(posts, 0.0):
        body = {} if told is None else json.loads(told[1].body)
        for own in ("request_id", "id"):
            body.pop(own, None)
        found.append(told and (told[1].status, body))
    return found


def test_a_request_is_answered_in_any_company_as_alone(app: PredictionApp) -> None:
    posts: list[Post] = [(b"/predict", [], body) for body in BODIES]
    infer = next(path for path in app._understood if path.startswith(b"/v2"))
    posts += [(infer, [], INFERENCE), (infer, [], INFERENCE.replace(b"7.0", b'"x"'))]
    posts.append((b"/elsewhere", [], BODIES[0]))
    alone = [answers(app, [post])[0] for post in posts]
    assert [each and each[0] for each in alone] == [
        200, 200, 200, 422, 500, 200, None, None, None, 200, 422, None,
    ]  # fmt: skip
    for company in itertools.combinations(range(len(posts)), 3):
        assert answers(app, [posts[each] for each in company]) == [alone[each] for each in company]
    assert answers(app, posts) == alone


@pytest.mark.parametrize("body", [BODIES[3], BODIES[0]], ids=["refused", "answered"])
def test_a_request_leaves_nothing_behind_that_only_a_search_for_garbage_finds(
    app: PredictionApp, body: bytes
) -> None:
    posts: list[Post] = [(b"/predict", [], body)] * 3
    app.at_once(posts, 0.0)
    gc.collect()
    gc.disable()
    try:
        app.at_once(posts, 0.0)
        assert gc.collect() == 0
    finally:
        gc.enable()
