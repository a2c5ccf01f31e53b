"""The baseline begins with the first row that has a label, however long that takes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from monitor_world import DAY, SUMMER, World, rows

from mlops_spec.runtime.monitor import steps

DAYS = 70  # of service
PER_DAY = 60


@pytest.mark.parametrize("unlabelled", [0, 1, 4, 13, 30, 45])
def test_the_first_days_with_labels_are_the_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unlabelled: int
) -> None:
    world = World(tmp_path)
    served = []
    for day in range(DAYS):
        served.append(rows(world.random, PER_DAY, SUMMER + day * DAY, 1))
        world.serve(served[-1], labels=day >= unlabelled)
    asked = []
    monkeypatch.setattr(
        steps, "labels", lambda *given, read=steps.labels: asked.append(1) or read(*given)
    )
    judged = world.look()[2]
    at = pd.concat(served[unlabelled:])["departs_at"]
    assert judged.baseline_is == "the first 14 days after promotion"
    assert judged.baseline.n == int((at < at.min() + pd.Timedelta(days=14)).sum())
    # Where labels begin soon, as they mostly do, the source is read once.
    assert len(asked) == (1 if unlabelled < 4 else 2)


def test_labels_that_begin_too_late_leave_the_held_out_rows(tmp_path: Path) -> None:
    world = World(tmp_path)
    for day in range(DAYS):
        world.serve(rows(world.random, PER_DAY, SUMMER + day * DAY, 1), labels=day >= 50)
    assert world.look()[2].baseline_is == "held-out evaluation"
