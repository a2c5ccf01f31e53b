"""The app without a server: slow models, too much at once, and any bytes as a body."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proving import prove
from pydantic import BaseModel, ConfigDict, Field

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.portable.scorer import Columns, Meaning, Scores
from mlops_spec.runtime.service import app as module
from mlops_spec.runtime.service import scoring as scoring_module
from mlops_spec.runtime.service.app import PredictionApp
from mlops_spec.runtime.service.log_files import read
from mlops_spec.runtime.service.row_types import Integer, Key, Time
from mlops_spec.runtime.service.rows import Rows
from mlops_spec.runtime.service.scoring import AT_ONCE, BATCHES, Overloaded, Scoring
from mlops_spec.state import Store
from mlops_spec.terms.workspace import Workspace


class Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    distance: float = Field(ge=0, le=6000)
    stops: Integer
    carrier: Literal["AA", "UA"] | None = Field(default=None)
    flown: Time | None = Field(default=None)
    row_key: str | Key | None = Field(default=None, alias="id")
    row_time: Time | None = Field(default=None, alias="at")


class Answer(BaseModel):
    release: str


class Model:
    """Waits as long as it is told to."""

    kind: Literal["sklearn"] = "sklearn"
    meaning = Meaning("regression")
    features = ("distance", "stops", "carrier", "flown")

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.begun = 0
        self.scored = 0
        self.batches: list[int] = []

    def score(self, columns: Columns) -> Scores:
        self.begun += 1
        self.go.wait(20)
        self.scored += 1
        self.batches.append(len(columns["distance"]))
        if 666.0 in columns["distance"]:
            raise ValueError("the model fails on this row")
        return Scores([float(d) for d in columns["distance"]], list(columns["distance"]))


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def seconds() -> float:
    """How long an answer may take: no stall of a busy machine is as long."""
    return 120.0


@pytest.fixture
def app(model: Model, tmp_path: Path, seconds: float) -> Iterator[PredictionApp]:
    folder = tmp_path
    place = Workspace.of(folder / "p", "local")
    prove(Context("m", folder / "p", place, Store.at(place.state), {}), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load", lambda *_: model)
        patch.setenv("MLOPS_SPEC_WORKSPACE", str(folder / "p" / ".spec" / "local"))
        found = PredictionApp(row=Row, answer=Answer, folder=folder, max_rows=5, timeout=seconds)
        found.open()
    yield found
    found.close()


async def asked(app: PredictionApp, bodies: list[bytes]) -> list[httpx.Response]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://s", timeout=30) as client:
        return await asyncio.gather(*(client.post("/predict", content=body) for body in bodies))


GOOD = b'{"distance": 1.5, "stops": 2}'
ROW = Rows(("distance",), [(1.0,)], [None], [None])


@pytest.mark.parametrize("seconds", [0.3])
def test_a_slow_answer_is_a_504_and_counts_as_one(app: PredictionApp, model: Model) -> None:
    model.go.clear()
    started = time.monotonic()
    (response,) = asyncio.run(asked(app, [GOOD]))
    took = time.monotonic() - started
    model.go.set()

    assert (response.status_code, response.json()) == (
        504, {"error": "the model took more than 0.3 s", "problems": []},
    )  # fmt: skip
    assert 0.3 <= took < 15  # the model itself would have taken 20
    _, text, _ = app._metrics()
    assert b'mlops_requests_total{code="504",model="m",release="r",shadow="false"} 1.0' in text


def test_too_many_at_once_are_refused_and_the_others_answered(model: Model) -> None:
    async def story() -> list[Scores]:
        scoring = Scoring(20.0)
        waiting = [asyncio.create_task(scoring.score(model, ROW)) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await scoring.score(model, ROW)
        model.go.set()
        found = await asyncio.gather(*waiting)
        scoring.close()
        return found

    model.go.clear()
    assert asyncio.run(story()) == [Scores([1.0], [1.0])] * AT_ONCE


async def kept_busy(scoring: Scoring, model: Model) -> list[asyncio.Task[Scores]]:
    """Requests that the model has begun with, as many as it is given at a time."""
    first = []
    for busy in range(BATCHES):
        first.append(asyncio.create_task(scoring.score(model, ROW)))
        while model.begun <= busy:
            await asyncio.sleep(0.001)
    return first


def test_what_nobody_waits_for_any_more_is_not_scored(model: Model) -> None:
    async def story() -> None:
        scoring = Scoring(20.0)
        first = await kept_busy(scoring, model)
        scoring._timeout = 0.1
        waiting = (scoring.score(model, ROW) for _ in range(AT_ONCE - BATCHES))
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(each) for each in found} == {TimeoutError}
        model.go.set()
        await asyncio.gather(*first)
        scoring._threads.shutdown(wait=True)

    model.go.clear()
    asyncio.run(story())
    assert model.scored == BATCHES


def rows(*distances: float) -> Rows:
    return Rows(("distance",), [(d,) for d in distances], [None] * len(distances), [])


def test_what_waits_for_a_busy_model_is_scored_together(model: Model) -> None:
    async def story() -> list[Scores | BaseException]:
        scoring = Scoring(20.0)
        first = await kept_busy(scoring, model)
        asked = [rows(1.0), rows(2.0, 3.0), rows(666.0), rows(4.0)]
        waiting = [asyncio.create_task(scoring.score(model, each)) for each in asked]
        await asyncio.sleep(0.05)
        model.go.set()
        found = await asyncio.gather(*waiting, *first, return_exceptions=True)
        scoring.close()
        return found[:4]

    model.go.clear()
    found = asyncio.run(story())
    assert [found[0], found[1], found[3]] == [
        Scores([1.0], [1.0]), Scores([2.0, 3.0], [2.0, 3.0]), Scores([4.0], [4.0])
    ]  # fmt: skip
    assert isinstance(found[2], ValueError)
    assert max(model.batches) == 5


def test_an_overloaded_service_says_when_to_come_back(
    app: PredictionApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring_module, "AT_ONCE", 0)
    (response,) = asyncio.run(asked(app, [GOOD]))

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "too many requests" in response.json()["error"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([2**53, -(2**63), 10**400, 1e308, "2013-01-01T00:00Z", "AA", "9999-12-31"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip
NAMES = st.sampled_from(["distance", "stops", "carrier", "flown", "id", "at", "rows", ""])
ROWS = st.dictionaries(NAMES, VALUES, max_size=7)
BODIES = (
    st.binary(max_size=60)
    | ROWS.map(lambda row: json.dumps(row).encode())
    | st.lists(ROWS, max_size=7).map(lambda rows: json.dumps({"rows": rows}).encode())
    | ROWS.map(lambda row: json.dumps({"distance": 1.0, "stops": 1} | row).encode())
)


@st.composite
def mangled(draw: Any) -> bytes:
    """Nearly right bodies: a byte lost, doubled or changed, or the end cut off."""
    body = bytearray(draw(BODIES) or GOOD)
    for _ in range(draw(st.integers(0, 3))):
        if body:
            body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.integers(0, len(body)))])


def answer_to(app: PredictionApp, body: bytes) -> tuple[int, bytes]:
    """Status and body, without a client in between that minds what it sends."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/predict", "method": "POST", "headers": []}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def check_any_body(app: PredictionApp, body: bytes) -> None:
    status, answer = answer_to(app, body)
    assert status in (200, 400, 413, 422), (body, answer)
    json.loads(answer)


ANY_APP = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@settings(ANY_APP, max_examples=200)
@given(body=BODIES | mangled())
def test_no_body_is_an_error_of_the_service(app: PredictionApp, body: bytes) -> None:
    check_any_body(app, body)


@pytest.mark.slow
@settings(ANY_APP, max_examples=5000)
@given(body=BODIES | mangled())
def test_none_of_thousands_of_bodies_is_an_error_of_the_service(
    app: PredictionApp, body: bytes
) -> None:
    check_any_body(app, body)


def test_times_at_the_ends_of_the_calendar_do_not_cost_other_rows_their_log(
    app: PredictionApp,
) -> None:
    times = [b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"2013-01-01T00:00:00Z"]
    bodies = [b'{"distance": 1, "stops": 1, "at": "%s", "flown": "%s"}' % (t, t) for t in times]
    assert [response.status_code for response in asyncio.run(asked(app, bodies))] == [200] * 3
    app.close()

    (folder,) = app._folder.glob("p/.spec/local/predictions/m/r")
    assert len(read(folder, None, None)) == 3
