"""What both versions did since a step began, from the metrics of their pods.

An answer's time is taken for the upper edge of its bucket: it was no slower. A container that
ended took the requests on their way with it, of which nobody counted any: it is a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mlops_spec.runtime.cluster.counts import ReleaseCounts
from mlops_spec.runtime.rollout.judge import Arm, Arms
from mlops_spec.runtime.rollout.release import Release

if TYPE_CHECKING:
    from mlops_spec.runtime.cluster.tracks import Tracks

# Seconds between two looks at all pods: the API server has other work.
EVERY: Final = 2.0


class ClusterSight:
    """Both arms of a canary step."""

    def __init__(self, tracks: Tracks, release: Release, share: float) -> None:
        self._tracks = tracks
        # At 100 % nothing answers beside the candidate.
        compared = share < 1 and bool(release.production)
        self._candidate = _Arm(tracks, release.id)
        self._control = _Arm(tracks, release.production) if compared else None
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
        """What `count` saw: a verdict is on the very requests that were counted for it."""
        return self._seen


class _Arm:
    """One release from now on."""

    def __init__(self, tracks: Tracks, release: str) -> None:
        self._tracks = tracks
        self._release = release
        self._counts = ReleaseCounts(tracks.server, tracks.namespace, release)
        self.look()

    def look(self) -> Arm:
        counts, ended = self._counts.look(self._tracks.pods(self._release))
        edges = np.array(sorted(counts.seconds), dtype=np.float64)
        each = [round(counts.seconds[edge]) for edge in edges]
        lost = np.full(ended, np.inf)
        return Arm(counts.failed + ended, np.concatenate([np.repeat(edges, each), lost]))
