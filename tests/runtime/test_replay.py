"""Replayed rows: at their rate, to this machine only, timed from their intended start."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from mlops_spec.runtime.declare import Column, Dataset, Parquet, Split
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.replay import replay
from mlops_spec.runtime.rollout.request_rows import request_rows


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        time.sleep(self.server.pause)
        self.send_response(self.server.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.got, server.pause, server.status = [], 0.0, 200
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/m/predict"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_row_is_sent_once_as_a_request_of_its_own(service):
    report = replay(service.url, [{"a": 1}, {"a": None}], rate=1000)

    assert sorted(service.got, key=str) == [{"rows": [{"a": 1}]}, {"rows": [{"a": None}]}]
    assert (len(report.sent), report.failed, report.refused) == (2, 0, 0)


def test_rows_are_sent_again_until_the_count_is_reached_at_the_rate(service):
    started = time.monotonic()

    report = replay(service.url, [{"a": 1}], rate=200, count=60)

    assert len(report.sent) == len(service.got) == 60
    assert time.monotonic() - started >= 59 / 200


def test_time_counts_from_the_intended_start_when_the_service_stalls(service):
    service.pause = 0.2

    report = replay(service.url, [{"a": 1}], rate=1000, count=24)

    # Eight connections, three rounds of 0.2 s: the last round was late before it was sent.
    assert report.quantile(1.0) >= 0.5


def test_failed_and_refused_answers_are_counted_apart(service):
    service.status = 503
    assert replay(service.url, [{}], rate=1000, count=3).failed == 3

    service.status = 422
    assert replay(service.url, [{}], rate=1000, count=3).refused == 3


def test_nobody_listening_is_a_failure_and_no_crash():
    report = replay("http://127.0.0.1:9/m/predict", [{}], rate=1000, count=3)

    assert (report.failed, report.refused) == (3, 0)


@pytest.mark.parametrize(
    "url", ["http://example.com:80/m/predict", "http://127.0.0.1/m", "https://127.0.0.1:1/m"]
)
def test_other_machines_are_refused(url):
    with pytest.raises(Refusal, match="rows are replayed to this machine only"):
        replay(url, [{}], rate=1)


def test_nothing_to_replay_is_refused(service):
    with pytest.raises(Refusal, match="there is no row to replay"):
        replay(service.url, [], rate=1)


def test_rows_have_the_declared_types_whatever_pandas_made_of_them():
    columns = tuple(
        Column(name, kind)
        for name, kind in {
            "id": "category", "at": "timestamp", "n": "integer", "x": "float", "late": "boolean",
            "rain": "boolean",
        }.items()
    )  # fmt: skip
    split = Split("random", 0.2, 0.1)
    dataset = Dataset("d", Parquet("x"), "id", "at", "late", columns, split)
    rows = pd.DataFrame(
        {
            "id": [7, 8], "at": pd.to_datetime(["2013-03-01T05:00:00Z", None]),
            "n": [1.0, float("nan")], "x": [float("nan"), 2.0], "late": [True, False],
            "rain": [1, 0],
        }
    )  # fmt: skip

    assert request_rows(rows, dataset, ("n", "x", "rain")) == [
        {"n": 1, "x": None, "rain": True, "id": "7", "at": "2013-03-01T05:00:00+00:00"},
        {"n": None, "x": 2.0, "rain": False, "id": "8", "at": None},
    ]
