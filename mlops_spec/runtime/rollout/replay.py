"""Rows sent as requests at a steady rate, for a machine without users.

An open loop: each request has its intended moment, and its time counts from there. A client that
waits for a slow answer before it asks again would hide the very stall that it meets (coordinated
omission). Only `connections` requests are on their way at once, so an overloaded service makes
the replay late, which the report says, and is not buried by it.
"""

from __future__ import annotations

import http.client
import itertools
import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

from mlops_spec.runtime.refusal import Refusal

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
# Requests a second: what two busy cores with the router, two services and the flow sustained was
# 540. Beyond that `CONNECTIONS` is what bounds the load, and answers stay under 0.1 s.
RATE: Final = 500.0
CONNECTIONS: Final = 8
TIMEOUT: Final = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: when it was meant to start, when its answer was there, its status (0: none)."""

    intended: float
    finished: float
    code: int

    @property
    def seconds(self) -> float:
        return self.finished - self.intended


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay did. Failed: 5xx, or no answer at all. Refused: 4xx, the rows do not fit."""

    sent: tuple[Sent, ...]

    @property
    def failed(self) -> int:
        return sum(one.code == 0 or one.code >= 500 for one in self.sent)

    @property
    def refused(self) -> int:
        return sum(400 <= one.code < 500 for one in self.sent)

    def quantile(self, q: float) -> float:
        """The q-quantile of the seconds from the intended start to the answer; NaN for none."""
        ordered = sorted(one.seconds for one in self.sent)
        return ordered[min(int(q * len(ordered)), len(ordered) - 1)] if ordered else math.nan


def replay(
    url: str,
    rows: Iterable[Mapping[str, Any]],
    rate: float = RATE,
    *,
    seconds: float | None = None,
    count: int | None = None,
) -> Report:
    """Send rows to a predict URL of this machine, again and again until time or count is up.

    Without `seconds` and `count` every row is sent once. `Refusal` for any other host than this
    one: replayed rows must never reach real users' services.
    """
    bodies = [body_of(row) for row in rows]
    if seconds is None and count is None:
        count = len(bodies)
    with Replay(url, bodies, rate, count=count) as running:
        running.wait(seconds)
    return running.report()


class Line(Protocol):
    """Where one thread of a replay sends its requests."""

    def post(self, body: bytes) -> int:
        """The status of the answer; 0 when there was none."""

    def close(self) -> None: ...


class Replay:
    """A replay that runs beside other work: `with Replay(url, bodies):`.

    To a URL of this machine, or over lines that somebody else opens.
    """

    def __init__(
        self, to: str | Callable[[], Line], bodies: Sequence[bytes], rate: float = RATE, *,
        count: int | None = None, connections: int = CONNECTIONS,
    ) -> None:  # fmt: skip
        if not bodies:
            raise Refusal("MLS703", "there is no row to replay", "train the model again")
        self._open = partial(_Connection, _Target.of(to)) if isinstance(to, str) else to
        self._bodies = bodies
        self._rate = rate
        self._count = math.inf if count is None else count
        self._numbers = itertools.count()
        self._stop = threading.Event()
        self._sent: list[Sent] = []
        self._threads = [
            threading.Thread(target=self._send_all, daemon=True) for _ in range(connections)
        ]

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait(self, seconds: float | None) -> None:
        """Return when everything was sent, or after `seconds`."""
        deadline = None if seconds is None else self._started + seconds
        for thread in self._threads:
            thread.join(None if deadline is None else max(deadline - time.monotonic(), 0))

    def report(self) -> Report:
        """What was sent so far."""
        return Report(tuple(sorted(self._sent, key=lambda one: one.intended)))

    def _send_all(self) -> None:
        connection = self._open()
        # One counter for all threads: `next` on it is atomic.
        for number in self._numbers:
            intended = self._started + number / self._rate
            if number >= self._count or self._stop.wait(max(intended - time.monotonic(), 0)):
                break
            code = connection.post(self._bodies[number % len(self._bodies)])
            self._sent.append(Sent(intended, time.monotonic(), code))
        connection.close()


def body_of(row: Mapping[str, Any]) -> bytes:
    """A row, as `request_rows` gives it, as the JSON of a request."""
    return json.dumps({"rows": [row]}, allow_nan=False).encode()


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> _Target:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.port is None:
            raise Refusal(
                "MLS607",
                f"rows are replayed to this machine only, not to {url}",
                "give an address such as http://127.0.0.1:8080/<model>/predict",
            )
        return cls(parts.hostname, parts.port, parts.path or "/")


@dataclass(slots=True)
class _Connection:
    """One kept-alive connection, opened again after a failure."""

    target: _Target
    open: http.client.HTTPConnection | None = field(default=None)

    def post(self, body: bytes) -> int:
        """The status of the answer; 0 when there was none."""
        if self.open is None:
            self.open = http.client.HTTPConnection(
                self.target.host, self.target.port, timeout=TIMEOUT
            )
        try:
            self.open.request("POST", self.target.path, body, {"content-type": "application/json"})
            answer = self.open.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return 0
        if answer.will_close:
            self.close()
        return answer.status

    def close(self) -> None:
        if self.open is not None:
            self.open.close()
            self.open = None
