"""What both arms did, from the router's log and the prediction logs as their writers write them."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mlops_spec.runtime.rollout import evidence
from mlops_spec.runtime.rollout.evidence import CanarySight, ShadowSight, agree
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.router.access_log import access_log, cluster_name
from mlops_spec.runtime.service.log_files import spanning
from mlops_spec.runtime.service.log_table import Answered, Identity, table_of
from mlops_spec.terms.workspace import Workspace

RELEASE = Release("m", "new", "run2", "2", production="old")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "ON_THE_WAY", 0.0)
    found = Workspace.of(tmp_path, "local")
    access_log(found).parent.mkdir(parents=True)
    access_log(found).touch()
    return found


def asked(workspace, release, request_id, code=200, seconds=0.01, at=None):
    line = {
        "at": f"{time.time() if at is None else at:.6f}", "cluster": cluster_name("m", release),
        "code": code, "us": seconds * 1e6, "request_id": request_id,
    }  # fmt: skip
    with access_log(workspace).open("a") as stream:
        stream.write(json.dumps(line) + "\n")


def answered(workspace, release, scores, *, shadow=False):
    """Log rows by request id."""
    batch = [
        Answered(time.time(), name, release, shadow, ["k"], [None], [()], [score], [score > 0.5])
        for name, score in scores.items()
    ]
    folder = workspace.predictions("m", release)
    folder.mkdir(parents=True, exist_ok=True)
    table = table_of(batch, Identity("m", "1", release), {})
    walls = [int(each.wall * 1e6) for each in batch]
    name = spanning(min(walls), max(walls), f"{os.getpid()}-{len(list(folder.iterdir())):06d}")
    pq.write_table(table, folder / name)


def test_a_canary_step_sees_both_arms_and_counts_failures_of_the_router(workspace):
    asked(workspace, "new", "before", at=time.time() - 60)
    sight = CanarySight(workspace, RELEASE, 0.05)
    asked(workspace, "new", "a")
    asked(workspace, "new", "b", code=503)
    asked(workspace, "new", "c", code=0, seconds=30)
    asked(workspace, "new", "d", code=422)
    asked(workspace, "old", "e")
    answered(workspace, "new", {"a": 0.9})
    answered(workspace, "new", {"copy": 0.1}, shadow=True)
    answered(workspace, "old", {"e": 0.2})

    arms = sight.arms()

    assert sight.count() == 4
    assert (arms.candidate.failed, arms.candidate.requests) == (2, 4)
    assert arms.candidate.seconds.tolist() == pytest.approx([0.01, 0.01, 30, 0.01])
    assert arms.candidate.scores.tolist() == [0.9]
    assert (arms.control.failed, arms.control.requests) == (0, 1)
    assert arms.reference.tolist() == [0.2]


def test_at_100_percent_nothing_answers_beside_the_candidate(workspace):
    answered(workspace, "old", {"x": 0.3, "y": 0.4})
    sight = CanarySight(workspace, RELEASE, 1.0)
    asked(workspace, "new", "a")

    arms = sight.arms()

    assert (arms.control, arms.reference) == (None, None)


def test_a_first_model_has_no_control_and_no_reference(workspace):
    sight = CanarySight(workspace, Release("m", "new", "run1", "1", ""), 1.0)

    assert (sight.arms().control, sight.arms().reference) == (None, None)


def test_copies_are_joined_on_the_request_id_and_missing_ones_counted(workspace):
    sight = ShadowSight(workspace, RELEASE, "binary")
    for name in "abc":
        asked(workspace, "old", name, seconds=0.0)
    asked(workspace, "old", "refused", code=422, seconds=0.0)
    answered(workspace, "old", {"a": 0.9, "b": 0.9, "c": 0.9})
    answered(workspace, "new", {"a": 0.8, "b": 0.1}, shadow=True)

    pairs = sight.pairs()

    assert sight.count() == 3
    assert (pairs.answered, pairs.matched, pairs.compared, pairs.agreed) == (3, 2, 2, 1)
    assert (pairs.production.tolist(), pairs.candidate.tolist()) == ([0.9, 0.9], [0.8, 0.1])


def test_a_copy_is_not_missing_before_the_candidates_log_has_gone_past_it(workspace, monkeypatch):
    sight = ShadowSight(workspace, RELEASE, "binary")
    asked(workspace, "old", "a", seconds=0.0)
    answered(workspace, "new", {"a": 0.8}, shadow=True)
    asked(workspace, "old", "b", seconds=0.0)

    assert (sight.count(), sight.pairs().answered, sight.pairs().matched) == (1, 1, 1)

    monkeypatch.setattr(evidence, "GIVE_UP", 0.0)
    assert (sight.count(), sight.pairs().answered, sight.pairs().matched) == (2, 2, 1)


def test_a_candidate_that_logs_nothing_has_lost_every_copy_in_the_end(workspace, monkeypatch):
    sight = ShadowSight(workspace, RELEASE, "binary")
    asked(workspace, "old", "a", seconds=0.0)

    assert sight.count() == 0

    monkeypatch.setattr(evidence, "GIVE_UP", 0.0)
    assert (sight.pairs().answered, sight.pairs().matched) == (1, 0)


def test_without_a_log_there_is_no_pair(workspace):
    pairs = ShadowSight(workspace, RELEASE, "binary").pairs()

    assert (pairs.answered, pairs.compared, len(pairs.production)) == (0, 0, 0)


def test_regressions_agree_within_a_tenth_of_productions_spread():
    both = pd.DataFrame(
        {"score": [0.0, 10.0, 20.0, 30.0, 40.0], "score_candidate": [1.9, 10.0, 17.0, 30, np.nan]}
    )

    assert agree(both, "regression").tolist() == [True, True, False, True, False]
