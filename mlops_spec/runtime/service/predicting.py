"""One request's rows through the model: scored, answered and logged, whatever protocol asked."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, overload

import orjson

from mlops_spec.runtime.portable.scorer import Scorer, Scores
from mlops_spec.runtime.service.inline import Inline
from mlops_spec.runtime.service.log_table import Answered, Identity
from mlops_spec.runtime.service.metrics import ServiceMetrics
from mlops_spec.runtime.service.prediction_log import PredictionLog
from mlops_spec.runtime.service.refusing import BadRequest, Problem
from mlops_spec.runtime.service.rows import Rows
from mlops_spec.runtime.service.scoring import Overloaded, Scoring
from mlops_spec.runtime.service.startup import log as _log
from mlops_spec.runtime.service.typed_rows import RowReader
from mlops_spec.terms.exposition import GETS_COPIES

MAX_ID_BYTES: Final = 128


Headers = tuple[tuple[bytes, bytes], ...]
Given = Sequence[tuple[bytes, bytes]]  # headers of a request
JSON: Final = (b"content-type", b"application/json")
_LATER: Final = (b"retry-after", b"1")


class Asked(NamedTuple):
    """What a request says about itself."""

    request_id: str
    arm: str = ""
    shadow: bool = False


class Reply(NamedTuple):
    """What is answered, in whatever protocol."""

    status: int
    body: bytes
    headers: Headers = (JSON,)

    def headers_to(self, asked: Asked) -> Headers:
        """All that the answer over HTTP says of itself."""
        own = (
            *self.headers, (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", asked.request_id.encode("ascii", "replace")),
        )  # fmt: skip
        return own if self.status != 503 else (*own, _LATER)


class Wanted(NamedTuple):
    """A request, as far as its protocol understands it."""

    asked: Asked
    read: Callable[[], Rows]
    said: Callable[[Rows, Scores], bytes]
    replied: Callable[[int, bytes], Reply]


class Requests:
    """Gives each request an id that no other request has, of any worker."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex()
        # The HTTPRoute of a cluster sends copies, and cannot say so.
        self._unsaid = os.environ.get(GETS_COPIES, "").encode()
        self._count = itertools.count(1)

    def asked(self, headers: Given) -> Asked:
        found = dict(headers)
        given, arm = found.get(b"x-request-id"), found.get(b"x-mlops-release")
        return Asked(
            given[:MAX_ID_BYTES].decode("ascii", "replace") if given else self.new_id(),
            arm.decode("ascii", "replace") if arm else "",
            found.get(b"x-mlops-shadow", self._unsaid) == b"1",
        )

    def new_id(self) -> str:
        return f"{self._prefix}{next(self._count):016x}"


@dataclass(frozen=True, slots=True)
class Predictor:
    """A loaded model and what goes with each of its answers."""

    reader: RowReader
    scorer: Scorer
    inline: Inline | None  # for a few rows, when they take microseconds
    identity: Identity
    metrics: ServiceMetrics
    log: PredictionLog | None
    scoring: Scoring
    timeout: float  # seconds

    async def outcome(self, wanted: Wanted) -> Reply:
        """The answer; what was answered well is logged."""
        rows = self._read(wanted)
        if isinstance(rows, Reply):
            return rows
        try:
            if self.inline is not None and len(rows.values) <= self.inline.most:
                scores = await self.inline.score(rows)
            else:
                scores = await self.scoring.score(self.scorer, rows)
        except Exception as error:
            return self._failed(wanted, error)
        return self._answered(wanted, rows, scores)

    def outcomes(self, wanted: Sequence[Wanted]) -> list[Reply | None]:
        """`outcome` of each, without a turn of the event loop, their rows scored together.

        None for a request whose rows take longer than that.
        """
        inline = self.inline
        if inline is None:
            return [None] * len(wanted)
        read = [self._read(each) for each in wanted]
        scores = iter(inline.scores([each for each in read if isinstance(each, Rows)]))
        return [
            rows if isinstance(rows, Reply) else self._answered(each, rows, next(scores))
            for each, rows in zip(wanted, read, strict=True)
        ]

    def _read(self, wanted: Wanted) -> Rows | Reply:
        """The rows, or what is answered to a request that has none.

        The error goes no further: kept, it and the frames that it knows would hold each other, and
        the body, until somebody looks for garbage.
        """
        try:
            return wanted.read()
        except Exception as error:
            return self._failed(wanted, error)

    @overload
    def _answered(self, wanted: Wanted, rows: Rows, scores: Scores) -> Reply: ...
    @overload
    def _answered(
        self, wanted: Wanted, rows: Rows, scores: Scores | Exception | None
    ) -> Reply | None: ...
    def _answered(
        self, wanted: Wanted, rows: Rows, scores: Scores | Exception | None
    ) -> Reply | None:
        if scores is None:
            return None
        if isinstance(scores, Exception):
            return self._failed(wanted, scores)
        try:
            answer = wanted.said(rows, scores)
        except Exception as error:
            return self._failed(wanted, error)
        self._record(rows, scores, wanted.asked)
        return wanted.replied(200, answer)

    def _failed(self, wanted: Wanted, error: Exception) -> Reply:
        match error:
            case BadRequest():
                return wanted.replied(
                    error.status, error_body(str(error), error.problems, error.more)
                )
            case Overloaded():
                busy = "too many requests are being answered; try again in a second"
                return wanted.replied(503, error_body(busy))
            case TimeoutError():
                late = error_body(f"the model took more than {self.timeout:g} s")
                return wanted.replied(504, late)
            case _:
                _log.error("request %s failed", wanted.asked.request_id, exc_info=error)
                own = "the model failed on this request; the service's log says how"
                return wanted.replied(500, error_body(own))

    def _record(self, rows: Rows, scores: Scores, asked: Asked) -> None:
        if self.log is not None:
            self.metrics.to_log(len(scores.score))
            self.log.add(
                Answered(
                    time.time(), *asked, rows.keys, rows.times, rows.values,
                    scores.score, scores.decision, scores.probabilities,
                )
            )  # fmt: skip

    def close(self) -> None:
        """Score no more, count all, and write what the log still holds."""
        self.scoring.close()
        self.metrics.count()
        if self.log is not None:
            self.log.close()


Understood = Callable[[Predictor, Asked, Given, bytes], Wanted]


def predicted(predictor: Predictor, asked: Asked, _: Given, body: bytes) -> Wanted:
    """What POST /predict wants."""
    return Wanted(
        asked,
        lambda: predictor.reader.read(body),
        lambda _, scores: answer_body(predictor.identity, asked, scores),
        Reply,
    )


def answer_body(identity: Identity, asked: Asked, scores: Scores) -> bytes:
    """The answer of POST /predict."""
    predictions: list[dict[str, Any]] = [
        {"score": score, "decision": decision}
        for score, decision in zip(scores.score, scores.decision, strict=True)
    ]
    for prediction, probabilities in zip(predictions, scores.probabilities or (), strict=False):
        prediction["probabilities"] = probabilities
    return orjson.dumps({
        "model": identity.model, "release": identity.release, "version": identity.version,
        "request_id": asked.request_id, "predictions": predictions,
    })  # fmt: skip


def error_body(message: str, problems: tuple[Problem, ...] = (), more: int = 0) -> bytes:
    """The body of every answer but 200. `more`: problems that are not named."""
    fields = [{"field": problem.field, "message": problem.message} for problem in problems]
    body: dict[str, Any] = {"error": message, "problems": fields}
    return orjson.dumps({**body, "more": more} if more else body)
