"""What a service says of itself at `/`: a request that works, from wherever it is asked."""

from __future__ import annotations

import json
import shlex
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any, Literal

import orjson
import pytest
from pydantic import BaseModel, ConfigDict, Field

from mlops_spec.runtime.service.front import example_row, front
from mlops_spec.runtime.service.log_table import Identity
from mlops_spec.runtime.service.row_types import Integer, Key, Time
from mlops_spec.runtime.service.typed_rows import RowReader


class Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    distance: float = Field(ge=0, le=6000, description="miles", examples=[3000.0])
    below: float = Field(le=-2)
    stops: Integer
    seats: int | None = Field(default=None, ge=3, le=300, alias="it's <b>seats</b>")
    carrier: Literal["AA", "UA"] | None = Field(default=None)
    late: bool | None = Field(default=None)
    town: str = Field(alias="πόλη")
    row_key: str | Key | None = Field(default=None, alias="id", description="of the row")
    row_time: Time | None = Field(default=None, alias="at")


READER = RowReader(Row, 5)
PREDICTOR: Any = SimpleNamespace(reader=READER, identity=Identity("πτήση", "7", "abc"))


def said(**headers: str) -> tuple[Any, tuple[bytes, bytes]]:
    given = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    status, body, kind = front(PREDICTOR, given)
    assert status == 200
    return body.decode(), kind


def test_the_example_is_a_row_that_the_service_takes() -> None:
    row = example_row(READER)
    assert row == {
        "distance": 3000.0, "below": -2.0, "stops": 0, "it's <b>seats</b>": 3, "carrier": "AA",
        "late": True, "πόλη": "1", "id": "1", "at": "2024-01-31T12:00:00Z",
    }  # fmt: skip
    assert READER.read(orjson.dumps({"rows": [row]})).keys == ["1"]


def test_it_names_model_routes_columns_and_a_request_for_a_shell() -> None:
    body, kind = said(host="127.0.0.1:80", accept="*/*")
    about = json.loads(body)
    assert kind == (b"content-type", b"application/json")
    assert [about[key] for key in ("model", "version", "release")] == ["πτήση", "7", "abc"]
    assert [(each["method"], each["url"]) for each in about["routes"]][:2] == [
        ("POST", "http://127.0.0.1:80/predict"), ("GET", "http://127.0.0.1:80/openapi.json"),
    ]  # fmt: skip
    assert about["columns"]["distance"] == {
        "takes": "a number from 0 to 6000", "required": True, "description": "miles",
    }  # fmt: skip
    words = shlex.split(about["curl"])
    assert (words[0], words[2]) == ("curl", "http://127.0.0.1:80/predict")
    assert json.loads(words[-1]) == about["example"] == {"rows": [example_row(READER)]}


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({}, ""),
        ({"host": "a b<script>"}, ""),
        ({"host": "[::1]:8080"}, "http://[::1]:8080"),
        ({"host": "h", "x_envoy_original_path": "/trip/?a=b"}, "http://h/trip"),
        ({"host": "h", "x_envoy_original_path": "/<b>/"}, "http://h"),
        ({"host": "h", "x_forwarded_prefix": "/trip", "x_forwarded_proto": "https"},
         "https://h/trip"),
        ({"host": "h", "x_forwarded_prefix": "/trip", "x_envoy_original_path": "/trip/"},
         "http://h/trip"),
        ({"host": "h", "x_forwarded_prefix": "//other.host", "x_forwarded_proto": "javascript"},
         "http://h"),
    ],
)  # fmt: skip
def test_it_knows_where_it_is_and_believes_no_header_that_is_no_place(
    headers: dict[str, str], base: str
) -> None:
    body, _ = said(**headers)
    assert json.loads(body)["routes"][0]["url"] == f"{base}/predict"


def test_browsers_get_a_page_in_which_names_are_inert() -> None:
    body, kind = said(host="h", accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert kind == (b"content-type", b"text/html; charset=utf-8")
    tags, texts, links = [], [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            links.extend(value for name, value in attrs if name in ("href", "src"))

        def handle_data(self, data: str) -> None:
            texts.append(data)

    Reader().feed(body)
    assert ("b" in tags, "script" in tags) == (False, False)
    assert {"πτήση, version 7", "it's <b>seats</b>", "a number from 0 to 6000"} <= set(texts)
    assert all(link is not None and link.startswith("http://h/") for link in links)
