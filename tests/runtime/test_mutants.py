"""Mutants differ from the recorded model in one thing, and are the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.selftest import mutants, selves
from mlops_spec.runtime.gates.selftest.mutants import Answers
from mlops_spec.runtime.gates.selftest.subject import _some_rows
from mlops_spec.stats.judged import Judged

N = 200
GROUP = np.arange(50, 110)
REST = np.setdiff1d(np.arange(N), GROUP)


def answers(task, places=GROUP):
    random = np.random.default_rng(3)
    if task == "binary":
        score = random.random(N)
        rows = Judged(random.integers(0, 2, N), score, (score > 0.5).astype(np.int64), 1)
    elif task == "multiclass":
        scores = random.dirichlet(np.ones(3), N)
        rows = Judged(random.integers(0, 3, N), scores, scores.argmax(axis=1))
    else:
        said = random.normal(5.0, 2.0, N)
        rows = Judged(said + random.normal(size=N), said, said)
    return Answers(rows, places, task)


def mutated(mutation, task, strength, places=GROUP):
    return mutation(answers(task, places), strength, np.random.default_rng(1))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("name", ["upside_down", "shuffled", "biased"])
def test_only_the_group_is_touched_and_never_the_truth(name, task):
    before, after = answers(task).rows, mutated(getattr(mutants, name), task, 0.9)
    assert np.array_equal(after.scores[REST], before.scores[REST])
    assert np.array_equal(after.decided[REST], before.decided[REST])
    assert not np.array_equal(after.scores[GROUP], before.scores[GROUP])
    assert np.array_equal(after.truth, before.truth)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize(
    "name", ["label_noise", "upside_down", "shuffled", "overconfident", "biased", "twin"]
)
def test_the_same_seed_gives_the_same_mutant_and_scores_stay_what_they_are(name, task):
    mutation = getattr(mutants, name)
    one, other = (mutated(mutation, task, 0.5, np.arange(N)) for _ in range(2))
    assert np.array_equal(one.scores, other.scores)
    if task != "regression":
        assert ((one.scores >= 0) & (one.scores <= 1)).all()
    if task == "multiclass":
        assert np.allclose(one.scores.sum(axis=1), 1.0)
        assert np.array_equal(one.decided, one.scores.argmax(axis=1))
    if task == "binary":
        assert np.array_equal(one.decided, (one.scores > 0.5).astype(np.int64))


def test_wrong_labels_make_probabilities_duller_and_a_share_of_them_wrong():
    before, after = (
        answers("binary").rows,
        mutated(mutants.label_noise, "binary", 0.1, np.arange(N)),
    )
    duller = 0.5 + 0.8 * (before.scores - 0.5)
    assert int((~np.isclose(after.scores, duller)).sum()) == 20
    assert np.isclose(np.abs(after.scores - 0.5), np.abs(duller - 0.5)).all()


def test_an_overconfident_model_decides_and_ranks_as_before():
    before, after = answers("binary").rows, mutated(mutants.overconfident, "binary", 2.0)
    assert np.array_equal(np.argsort(after.scores), np.argsort(before.scores))
    assert np.array_equal(after.decided, before.decided)
    assert (np.abs(after.scores - 0.5) >= np.abs(before.scores - 0.5)).all()


def test_a_shuffled_group_keeps_its_answers():
    before, after = answers("binary").rows, mutated(mutants.shuffled, "binary", 1.0)
    assert np.array_equal(np.sort(after.scores[GROUP]), np.sort(before.scores[GROUP]))


def test_a_list_that_is_drawn_twice_is_two_lists():
    rows = answers("ranking").rows
    lists = Judged(rows.truth, rows.scores, rows.decided, group=np.arange(N) // 10)
    twins = selves._twins(Evidence(lists, lists), "ranking", np.random.default_rng(0))
    drawn = twins.candidate.group
    assert twins.units is None
    assert len(drawn) == N
    assert set(np.unique(drawn, return_counts=True)[1]) == {10}


def test_a_sample_of_very_many_rows_keeps_lists_whole(monkeypatch):
    monkeypatch.setattr("mlops_spec.runtime.gates.selftest.subject.MOST_ROWS", 45)
    assert len(_some_rows(None, N)) == 45
    whole = _some_rows(np.arange(N) // 10, N)
    assert len(whole) == 50
    assert np.array_equal(whole, np.unique(whole))
    assert len(np.unique(whole // 10)) == 5
