"""What the router asks again may be what workers die of: nobody is asked it without end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from mlops_spec.runtime.service.arriving import Message, Receive
from mlops_spec.runtime.service.predicting import Given, error_body
from mlops_spec.runtime.service.turns import AtOnce, Post, Told, Turn

ATTEMPT: Final = b"x-envoy-attempt-count"
MOST_ATTEMPTS: Final = 2
# Seconds after a death in which it may have been this request: as long as the router waits for one.
SUSPICIOUS: Final = 60.0

Send = Callable[[Message], Awaitable[None]]


class App(Protocol):
    """An ASGI application."""

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[Any]: ...


class Careful:
    """The app of a worker that replaces one that died.

    The router asks a dying release again many times, since a copy needs seconds to start. A request
    that kills whoever answers it would so kill all workers for as long: the third attempt is a 503.
    """

    def __init__(self, app: App, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        at_once: AtOnce | None = getattr(app, "at_once", None)
        self.turn: Final = None if at_once is None else Turn(self._but_suspicious(at_once))
        self._clock = clock
        self._until = clock() + SUSPICIOUS

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[Any]:
        if scope["type"] == "http" and self._clock() < self._until and _often(scope["headers"]):
            return _refuse(send)
        return self._app(scope, receive, send)

    def _but_suspicious(self, at_once: AtOnce) -> AtOnce:
        """As the app, but for requests that are to be looked at more closely."""

        def careful(posts: Sequence[Post], since: float) -> Sequence[Told | None]:
            if self._clock() >= self._until:
                return at_once(posts, since)
            trusted = [post for post in posts if not _often(post[1])]
            told = iter(at_once(trusted, since))
            return [None if _often(post[1]) else next(told) for post in posts]

        return careful


def _often(headers: Given) -> bool:
    attempts = next((value for name, value in headers if name == ATTEMPT), b"")
    return attempts.isdigit() and int(attempts) > MOST_ATTEMPTS


async def _refuse(send: Send) -> None:
    body = error_body("workers died while they answered this request; it is not tried again")
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
