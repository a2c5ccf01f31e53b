"""One request's rows through the model: scored, answered and logged, whatever protocol asked."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from mlops_spec.runtime.portable.scorer import Scorer, Scores
from mlops_spec.runtime.service.inline import Inline
from mlops_spec.runtime.service.log_table import Answered, Identity
from mlops_spec.runtime.service.metrics import ServiceMetrics
from mlops_spec.runtime.service.prediction_log import PredictionLog
from mlops_spec.runtime.service.rows import Rows
from mlops_spec.runtime.service.scoring import Overloaded, Scoring
from mlops_spec.runtime.service.startup import log as _log
from mlops_spec.runtime.service.typed_rows import BadRequest, Problem, RowReader

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


class Requests:
    """Gives each request an id that no other request has, of any worker."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex()
        self._count = itertools.count(1)

    def asked(self, headers: Given) -> Asked:
        found = dict(headers)
        given, arm = found.get(b"x-request-id"), found.get(b"x-mlops-release")
        return Asked(
            given[:MAX_ID_BYTES].decode("ascii", "replace") if given else self.new_id(),
            arm.decode("ascii", "replace") if arm else "",
            found.get(b"x-mlops-shadow") == b"1",
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

    async def outcome(
        self, asked: Asked, read: Callable[[], Rows], said: Callable[[Rows, Scores], bytes]
    ) -> tuple[int, bytes]:
        """Status and body of the answer; what was answered well is logged."""
        try:
            rows = read()
            if self.inline is not None and len(rows.values) <= self.inline.most:
                scores = await self.inline.score(rows)
            else:
                scores = await self.scoring.score(self.scorer, rows)
            answer = said(rows, scores)
        except Exception as error:
            return self._failed(asked, error)
        self._record(rows, scores, asked)
        return 200, answer

    def outcome_at_once(
        self, asked: Asked, read: Callable[[], Rows], said: Callable[[Rows, Scores], bytes]
    ) -> tuple[int, bytes] | None:
        """`outcome` without a turn of the event loop. None where the rows take longer than that."""
        try:
            rows = read()
            scores = None if self.inline is None else self.inline.score_at_once(rows)
            if scores is None:
                return None
            answer = said(rows, scores)
        except Exception as error:
            return self._failed(asked, error)
        self._record(rows, scores, asked)
        return 200, answer

    def _failed(self, asked: Asked, error: Exception) -> tuple[int, bytes]:
        match error:
            case BadRequest():
                return error.status, error_body(str(error), error.problems)
            case Overloaded():
                busy = "too many requests are being answered; try again in a second"
                return 503, error_body(busy)
            case TimeoutError():
                return 504, error_body(f"the model took more than {self.timeout:g} s")
            case _:
                _log.error("request %s failed", asked.request_id, exc_info=error)
                return 500, error_body(
                    "the model failed on this request; the service's log says how"
                )

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


AtOnce = Callable[[Predictor, Asked, Given, bytes], Reply | None]


async def predicted(predictor: Predictor, asked: Asked, body: bytes) -> Reply:
    """The answer to POST /predict."""
    read, said = _read_and_said(predictor, asked, body)
    return Reply(*await predictor.outcome(asked, read, said))


def predicted_at_once(predictor: Predictor, asked: Asked, _: Given, body: bytes) -> Reply | None:
    """The same, as `Predictor.outcome_at_once`."""
    read, said = _read_and_said(predictor, asked, body)
    found = predictor.outcome_at_once(asked, read, said)
    return None if found is None else Reply(*found)


def _read_and_said(
    predictor: Predictor, asked: Asked, body: bytes
) -> tuple[Callable[[], Rows], Callable[[Rows, Scores], bytes]]:
    return (
        lambda: predictor.reader.read(body),
        lambda _, scores: answer_body(predictor.identity, asked, scores),
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


def error_body(message: str, problems: tuple[Problem, ...] = ()) -> bytes:
    """The body of every answer but 200."""
    fields = [{"field": problem.field, "message": problem.message} for problem in problems]
    return orjson.dumps({"error": message, "problems": fields})
