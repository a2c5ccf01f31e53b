"""What both versions did since a step began, from the router and the prediction logs."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from mlops_spec.runtime.rollout.judge import Arm, Arms, Pairs
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.router.access_log import AccessRecord, access_log_end, arm_requests
from mlops_spec.runtime.service.log_files import read, written_until
from mlops_spec.terms.tasks import answers_a_number
from mlops_spec.terms.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

# A copy was not answered when the candidate's log has copies in it that were answered this many
# seconds after it was sent, and it does not.
ON_THE_WAY: Final = 2.0
# Without such later copies, for want of requests or of a writer's turn on a busy machine, a copy
# is given up after this many seconds. Ten times less called whole seconds of copies lost there.
GIVE_UP: Final = 30.0
# Two regressions agree on a request when they differ by no more than this part of the
# interquartile range of production's scores.
SAME_NUMBER: Final = 0.1


class RouterLog:
    """The requests of one model from now on, read as the log grows."""

    def __init__(self, workspace: Workspace, model: str) -> None:
        self._workspace = workspace
        self._model = model
        self._end = access_log_end(workspace)
        self._started = time.time()
        self._seen: list[AccessRecord] = []

    def requests(self) -> list[AccessRecord]:
        """Those that began after the split was live; earlier ones belong to the step before."""
        found, self._end = arm_requests(self._workspace, self._model, self._end)
        self._seen += [record for record in found if record.at >= self._started]
        return self._seen

    @property
    def started(self) -> float:
        return self._started


class CanarySight:
    """Both arms of a canary step."""

    def __init__(self, workspace: Workspace, release: Release, share: float) -> None:
        self._workspace = workspace
        self._release = release
        # At 100 % nothing answers beside the candidate. Scores of another hour are no control:
        # they differ because the requests do.
        self._alone = share >= 1 or not release.production
        self._log = RouterLog(workspace, release.model)

    def count(self) -> int:
        return sum(record.release == self._release.id for record in self._log.requests())

    def arms(self) -> Arms:
        candidate = self._arm(self._release.id)
        if self._alone:
            return Arms(candidate, None, None)
        control = self._arm(self._release.production)
        return Arms(candidate, control, control.scores)

    def _arm(self, release: str) -> Arm:
        found = [record for record in self._log.requests() if record.release == release]
        seconds = np.array([record.seconds for record in found], dtype=np.float64)
        log = read_log(self._workspace, self._release.model, release, self._log.started)
        answers = log[~log["shadow"].astype(bool)]
        return Arm(
            sum(record.failed for record in found),
            seconds,
            answers["score"].to_numpy(dtype=np.float64),
        )


class ShadowSight:
    """Production's answers and the candidate's to copies of the same requests."""

    def __init__(self, workspace: Workspace, release: Release, task: str) -> None:
        self._workspace = workspace
        self._release = release
        self._task = task
        self._log = RouterLog(workspace, release.model)

    def count(self) -> int:
        return len(self._settled())

    def pairs(self) -> Pairs:
        mine, theirs = self._answers(self._release.id), self._answers(self._release.production)
        return compared(self._settled(), theirs, mine[mine["shadow"].astype(bool)], self._task)

    def _settled(self) -> set[str]:
        """Requests that production answered well, long enough ago for the copy to be answered."""
        mine = self._workspace.predictions(self._release.model, self._release.id)
        written = written_until(mine, self._log.started) or 0.0
        limit = max(written - ON_THE_WAY, time.time() - GIVE_UP)
        return {
            record.request_id
            for record in self._log.requests()
            if record.release == self._release.production
            and record.at + record.seconds < limit
            and 200 <= record.code < 300
        }

    def _answers(self, release: str) -> pd.DataFrame:
        return read_log(self._workspace, self._release.model, release, self._log.started)


def compared(asked: set[str], theirs: pd.DataFrame, copied: pd.DataFrame, task: str) -> Pairs:
    """Production's answers beside those to copies of the same requests, by the request's id."""
    matched = len(asked & set(copied["request_id"]))
    both = theirs.merge(copied, on=["request_id", "row"], suffixes=("", "_candidate"))
    both = both[both["request_id"].isin(asked)]
    alike = agree(both, task).groupby(both["request_id"]).all()
    return Pairs(
        answered=len(asked),
        matched=matched,
        compared=len(alike),
        agreed=int(alike.sum()),
        production=both["score"].to_numpy(dtype=np.float64),
        candidate=both["score_candidate"].to_numpy(dtype=np.float64),
    )


def agree(both: pd.DataFrame, task: str) -> pd.Series:
    """Whether both versions decide alike, row by row; see `SAME_NUMBER` for a regression."""
    if not answers_a_number(task):
        return both["decision"] == both["decision_candidate"]
    spread = both["score"].quantile(0.75) - both["score"].quantile(0.25)
    return (both["score"] - both["score_candidate"]).abs() <= SAME_NUMBER * spread


def read_log(workspace: Workspace, model: str, release: str, since: float | None) -> pd.DataFrame:
    """A release's prediction log since a moment in seconds, oldest first."""
    start = None if since is None else datetime.fromtimestamp(since, UTC)
    return read(workspace.predictions(model, release), start, None)
