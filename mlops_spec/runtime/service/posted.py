"""Several requests of one turn of the event loop, from their bytes to their answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from mlops_spec.runtime.service.arriving import MAX_BODY_BYTES
from mlops_spec.runtime.service.encoded import UNREADABLE
from mlops_spec.runtime.service.predicting import Predictor, Requests, Understood, Wanted
from mlops_spec.runtime.service.turns import Post, Told


def answered(
    running: Predictor,
    understood: Mapping[bytes, Understood],
    requests: Requests,
    posts: Sequence[Post],
    since: float,
) -> list[Told | None]:
    """The answers; None for a request that is not for one turn, and goes the usual way.

    `understood`: by path. `since`: when the first was here, as `time.perf_counter`.
    """
    wanted: list[Wanted | None] = []
    for url, headers, body in posts:
        way = understood.get(url) if len(body) <= MAX_BODY_BYTES else None
        asked = None if way is None else requests.asked(headers)
        wanted.append(way and asked and way(running, asked, headers, body))
    replies = iter(running.outcomes([each for each in wanted if each is not None]))
    found: list[Told | None] = []
    for each in wanted:
        reply = None if each is None else next(replies)
        # What an encoded body is instead of JSON, is said the usual way.
        if each is None or reply is None or reply.status == UNREADABLE:
            found.append(None)
            continue
        taken = time.perf_counter() - since
        running.metrics.answered(reply.status, taken, each.asked.shadow)
        found.append((each.asked, reply))
    return found
