"""What both versions did since a step began: the metrics of their pods, and their prediction logs.

An answer's time is taken for the upper edge of its bucket: it was no slower. A container that
ended took the requests on their way with it, of which nobody counted any: it is a failure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from mlops_spec.runtime.cluster.counts import ReleaseCounts
from mlops_spec.runtime.cluster.objects import Object
from mlops_spec.runtime.cluster.predictions import PodLogs
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.evidence import GIVE_UP, ON_THE_WAY, compared, read_log
from mlops_spec.runtime.rollout.judge import Arm, Arms, Pairs
from mlops_spec.runtime.rollout.release import Release

if TYPE_CHECKING:
    import pandas as pd

    from mlops_spec.runtime.cluster.model_on_cluster import ModelOnCluster
    from mlops_spec.terms.workspace import Workspace

# Seconds between two looks at all pods: the API server has other work.
EVERY: Final = 2.0
# Seconds between two copies of the logs, which only a verdict needs: what a pod has not written
# to us when it ends is lost, and should be little.
LOGS_EVERY: Final = 10.0
# So many requests of both without one id in common are no accident.
STRANGERS: Final = 50


class ClusterSight:
    """Both arms of a canary step."""

    def __init__(
        self, tracks: ModelOnCluster, workspace: Workspace, release: Release, share: float
    ) -> None:
        self._tracks = tracks
        # At 100 % nothing answers beside the candidate.
        compares = share < 1 and bool(release.production)
        self._candidate = _Arm(tracks, workspace, release.id, logs=compares)
        self._control = _Arm(tracks, workspace, release.production, logs=True) if compares else None
        self._seen = Arms(Arm(), None, None)
        self._due = 0.0

    def count(self) -> int:
        now = self._tracks.patience.now()
        if now >= self._due:
            self._due = now + EVERY
            control = self._control.look() if self._control else None
            self._seen = Arms(self._candidate.look(), control, None)
        return self._seen.requests

    def arms(self) -> Arms:
        """What `count` saw, and the scores of both arms up to now."""
        if self._control is None or self._seen.control is None:
            return self._seen
        control = self._control.with_scores(self._seen.control)
        candidate = self._candidate.with_scores(self._seen.candidate)
        return Arms(candidate, control, control.scores)


class _Arm:
    """One release from now on; its scores where both arms have some."""

    def __init__(
        self, tracks: ModelOnCluster, workspace: Workspace, release: str, *, logs: bool
    ) -> None:
        self._tracks = tracks
        self._release = release
        self._counts = ReleaseCounts(tracks.server, tracks.namespace, release)
        self._log = _Log(tracks, workspace, release) if logs else None
        self._due = 0.0
        self.look()

    def look(self) -> Arm:
        """What its pods have counted."""
        pods, now = self._tracks.pods(self._release), self._tracks.patience.now()
        if self._log is not None and now >= self._due:
            self._due = now + LOGS_EVERY
            self._log.collect(pods)
        counts, ended = self._counts.look(pods)
        edges = np.array(sorted(counts.seconds), dtype=np.float64)
        each = [round(counts.seconds[edge]) for edge in edges]
        lost = np.full(ended, np.inf)
        return Arm(counts.failed + ended, np.concatenate([np.repeat(edges, each), lost]))

    def with_scores(self, seen: Arm) -> Arm:
        """The same with the scores of its log."""
        assert self._log is not None, "it is compared with another arm"
        answers = self._log.answers()
        of_users = answers[~answers["shadow"].astype(bool)]
        return replace(seen, scores=of_users["score"].to_numpy(dtype=np.float64))


class ClusterPairs:
    """Production's answers and the candidate's to copies of the same requests.

    The next track gets nothing but copies in a shadow step. Both logs name a request by the id
    that the gateway gave it, and its copy.
    """

    def __init__(
        self, tracks: ModelOnCluster, workspace: Workspace, release: Release, task: str
    ) -> None:
        self._tracks = tracks
        self._task = task
        self._candidate = _Log(tracks, workspace, release.id)
        self._production = _Log(tracks, workspace, release.production)
        self._seen: tuple[set[str], pd.DataFrame, pd.DataFrame] | None = None
        self._due = 0.0

    def count(self) -> int:
        now = self._tracks.patience.now()
        if now >= self._due or self._seen is None:
            self._due = now + EVERY
            mine, theirs = self._candidate.answers(), self._production.answers()
            self._seen = (self._settled(theirs), theirs, mine)
        return len(self._seen[0])

    def pairs(self) -> Pairs:
        assert self._seen is not None, "what is judged was counted before"
        asked, theirs, mine = self._seen
        found = compared(asked, theirs, mine, self._task)
        if not found.matched and len(asked) >= STRANGERS and len(mine) >= STRANGERS:
            raise Refusal(
                "MLS629",
                "copies have other ids than the requests that they are copies of",
                "let the Gateway set x-request-id, or leave `shadow` out of the Rollout",
            )
        return found

    def _settled(self, theirs: pd.DataFrame) -> set[str]:
        """Requests that production answered long enough ago for the copy to be answered."""
        written = self._candidate.until() or 0.0
        limit = max(written - ON_THE_WAY, self._tracks.wall() - GIVE_UP)
        before = theirs[theirs["wall_time"] < datetime.fromtimestamp(limit, UTC)]
        return set(before["request_id"])


class _Log:
    """The prediction log of one release from now on."""

    def __init__(self, tracks: ModelOnCluster, workspace: Workspace, release: str) -> None:
        self._tracks = tracks
        self._workspace = workspace
        self._release = release
        self._started = tracks.wall()
        folder = workspace.predictions(tracks.model, release)
        self._pods = PodLogs(tracks.server, tracks.namespace, folder, self._started)

    def collect(self, pods: tuple[Object, ...]) -> None:
        """Copy what these pods have answered since the last copy."""
        self._pods.collect(pods)

    def answers(self) -> pd.DataFrame:
        self.collect(self._tracks.pods(self._release))
        return read_log(self._workspace, self._tracks.model, self._release, self._started)

    def until(self) -> float | None:
        return self._pods.until()
