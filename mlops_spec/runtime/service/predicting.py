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
from mlops_spec.runtime.service.metrics import ServiceMetrics
from mlops_spec.runtime.service.prediction_log import Answered, Identity, PredictionLog
from mlops_spec.runtime.service.scoring import Overloaded, Scoring
from mlops_spec.runtime.service.startup import log as _log
from mlops_spec.runtime.service.typed_rows import BadRequest, Problem, RowReader, Rows

MAX_ID_BYTES: Final = 128


Headers = tuple[tuple[bytes, bytes], ...]
JSON: Final = (b"content-type", b"application/json")


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


class Requests:
    """Gives each request an id that no other request has, of any worker."""

    def __init__(self) -> None:
        self._prefix = os.urandom(8).hex()
        self._count = itertools.count(1)

    def asked(self, headers: Sequence[tuple[bytes, bytes]]) -> Asked:
        found = dict(headers)
        given = found.get(b"x-request-id")
        return Asked(
            given[:MAX_ID_BYTES].decode("ascii", "replace") if given else self.new_id(),
            found.get(b"x-mlops-release", b"").decode("ascii", "replace"),
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
        except BadRequest as refused:
            return refused.status, error_body(str(refused), refused.problems)
        except Overloaded:
            return 503, error_body("too many requests are being answered; try again in a second")
        except TimeoutError:
            return 504, error_body(f"the model took more than {self.timeout:g} s")
        except Exception:
            _log.exception("request %s failed", asked.request_id)
            return 500, error_body("the model failed on this request; the service's log says how")
        self._record(rows, scores, asked)
        return 200, answer

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
        """Score no more, and write what the log still holds."""
        self.scoring.close()
        if self.log is not None:
            self.log.close()


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
