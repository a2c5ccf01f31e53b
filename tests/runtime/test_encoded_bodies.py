"""A body that came encoded is refused with what would be read, whichever way the request takes."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from proving import prove
from pydantic import BaseModel, ConfigDict

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.portable.scorer import Columns, Meaning, Scores
from mlops_spec.runtime.service import app as module
from mlops_spec.runtime.service.app import PredictionApp
from mlops_spec.state import Store
from mlops_spec.terms.workspace import Workspace

GOOD = b'{"distance": 1.5}'
TENSOR = {"name": "distance", "datatype": "FP64", "shape": [1, 1], "data": [1.5]}
V2 = json.dumps({"inputs": [TENSOR]}).encode()
PACKED = {path: gzip.compress(body) for path, body in (("/predict", GOOD), ("/v2", V2))}


class Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    distance: float


class Answer(BaseModel):
    release: str


class Model:
    kind: Literal["sklearn"] = "sklearn"
    meaning = Meaning("regression")
    features = ("distance",)

    def score(self, columns: Columns) -> Scores:
        found = [float(value) for value in columns["distance"]]
        return Scores(found, list(found))


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PredictionApp]:
    place = Workspace.of(tmp_path / "p", "local")
    prove(Context("m", tmp_path / "p", place, Store.at(place.state), {}), tmp_path)
    monkeypatch.setattr(module, "load", lambda *_: Model())
    monkeypatch.setenv("MLOPS_SPEC_WORKSPACE", str(tmp_path / "p" / ".spec" / "local"))
    found = PredictionApp(row=Row, answer=Answer, folder=tmp_path, max_rows=5, timeout=120.0)
    found.open()
    yield found
    found.close()


def answered(app: PredictionApp, path: str, body: bytes, coding: str | None) -> httpx.Response:
    async def story() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://s") as client:
            headers = {} if coding is None else {"Content-Encoding": coding}
            return await client.post(path, content=body, headers=headers)

    return asyncio.run(story())


@pytest.mark.parametrize("path", ["/predict", "/v2/models/m/infer"])
@pytest.mark.parametrize("coding", ["gzip", "br", "identity, GZIP", "x" * 400])
def test_an_encoded_body_is_refused_with_what_would_be_read(
    app: PredictionApp, path: str, coding: str
) -> None:
    found = answered(app, path, PACKED["/predict" if path == "/predict" else "/v2"], coding)

    assert (found.status_code, found.headers["accept-encoding"]) == (415, "identity")
    shown = coding[:40]
    assert found.json()["error"] == (
        f"the body is encoded ({shown}); send it as it is, without content-encoding"
    )
    counted = b'mlops_requests_total{code="415",model="m",release="r",shadow="false"} 1.0'
    assert counted in app._metrics()[1]


@pytest.mark.parametrize("coding", [None, "identity", " Identity ", ""])
def test_a_body_as_it_is_keeps_the_answer_that_it_had(
    app: PredictionApp, coding: str | None
) -> None:
    assert answered(app, "/predict", GOOD, coding).status_code == 200
    refused = answered(app, "/predict", b"{", coding)
    assert (refused.status_code, "accept-encoding" in refused.headers) == (400, False)


def test_what_cannot_be_read_is_told_the_usual_way(app: PredictionApp) -> None:
    packed = [(b"content-encoding", b"gzip")]

    assert app.at_once([(b"/predict", packed, PACKED["/predict"])], 0.0) == [None]
    assert b'code="4' not in app._metrics()[1]  # counted once, by whom it is told


def test_the_description_names_it(app: PredictionApp) -> None:
    described = json.loads(app._openapi()[1])["paths"]["/predict"]["post"]["responses"]

    assert described["415"]["description"] == "the body is encoded, by gzip or otherwise"
