"""Waiting for an object to change: what a watch tells, and every way in which it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from urllib3 import PoolManager

from mlops_spec.runtime.cluster.connection import Connection
from mlops_spec.runtime.cluster.rest import LEAST, rest
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.wait import Patience

FOUND = {
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "m", "namespace": "ml", "resourceVersion": "7"},
}  # fmt: skip
CHANGED = b'{"type":"MODIFIED","object":{}}\n'
WITHIN = 120  # seconds that a watch may take
TOO_OLD = b'{"type":"ERROR","object":{"code":410,"reason":"Expired"}}\n'


class Anonymous:
    def get_api_key_with_prefix(self, _: str) -> str:
        return ""


class Watched:
    """A server that answers a watch as a test says, and keeps what it was asked."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.asked: list[dict[str, list[str]]] = []
        watched = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.query:
                    watched.asked.append(parse_qs(parts.query))
                    answer(self)
                    self.close_connection = True
                    return
                body = (
                    b'{"resources":[{"name":"deployments","kind":"Deployment","namespaced":true}]}'
                )
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def api(self) -> ApiServer:
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return ApiServer(Connection("", url, PoolManager(), Anonymous()), patience=0.2)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def told(line: bytes, after: float, code: int = 200) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        time.sleep(after)
        if line:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        handler.wfile.write(b"0\r\n\r\n")

    return answer


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (told(CHANGED, 0.3), 0.3),
        (told(TOO_OLD, 0.0), 0.0),
        (told(b"", 0.4), 0.4),
        (told(b"gone", 0.0, 410), 0.0),
        (told(b"no", 0.0, 403), 0.0),
        (cut, 0.0),
    ],
    ids=["a change", "a version that is too old", "no change in time", "410", "403", "a cut"],
)
def test_a_watch_ends_with_whatever_is_told(answer, seconds):
    watched = Watched(answer)
    api = watched.api()
    assert api.knows("apps/v1", "Deployment")
    try:
        begun = time.monotonic()
        api.await_change(FOUND, WITHIN)
        spent = time.monotonic() - begun
    finally:
        watched.close()

    # As soon as it is told, and not when its time is over.
    assert seconds <= spent < WITHIN / 2
    assert watched.asked == [{
        "watch": ["true"], "fieldSelector": ["metadata.name=m"], "resourceVersion": ["7"],
        "timeoutSeconds": [str(WITHIN)],
    }]  # fmt: skip


def test_a_server_that_is_gone_is_told_by_the_next_look_and_not_by_the_rest():
    watched = Watched(cut)
    api = watched.api()
    assert api.knows("apps/v1", "Deployment")
    watched.close()

    api.await_change(FOUND, 1.0)


def test_no_two_looks_come_closer_than_a_second_however_often_an_object_changes():
    class Restless:
        def await_change(self, *_: object) -> None:
            now[0] += 0.25

    now, slept = [0.0], []
    patience = Patience(now=lambda: now[0], sleep=slept.append)

    rest(Restless(), FOUND, patience, 5.0)

    assert slept == [LEAST - 0.25]
