"""How a model is measured: turns, noise, repeated rows, features that rank the label."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from learning import COLUMNS, DATASET, RECIPE, context, put, rows, trained

from mlops_spec.runtime.data.labels import Labels
from mlops_spec.runtime.declare import Column
from mlops_spec.runtime.gates.measuring import ranking as ranks
from mlops_spec.runtime.gates.measuring import turns
from mlops_spec.runtime.gates.measuring.noise import shaken, with_noise
from mlops_spec.runtime.gates.measuring.parity import agreements
from mlops_spec.runtime.gates.measuring.ranking import ranking
from mlops_spec.runtime.gates.measuring.repeats import seen
from mlops_spec.runtime.gates.measuring.requests import requested
from mlops_spec.runtime.gates.measuring.stopwatch import stopwatch
from mlops_spec.runtime.gates.measuring.subject import Subject, spread
from mlops_spec.runtime.train.fitted import FittedModel
from mlops_spec.runtime.train.pipeline import features_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MODEL = FittedModel(None, DATASET, RECIPE, Labels((False, True), True))


class Clock:
    """Time that passes when a model works, and says who worked."""

    def __init__(self):
        self.time, self.waiting, self.who = 0.0, 0.0, []

    def now(self):
        return self.time

    def waited(self):
        return self.waiting

    def work(self, name, seconds, waiting=0.0):
        def scored():
            self.who.append(name)
            self.time += seconds + waiting
            self.waiting += waiting

        return [scored]


def test_who_is_first_alternates_from_turn_to_turn():
    clock = Clock()
    found = turns.in_turns([clock.work("c", 0.001), clock.work("p", 0.002)], 1, clock)
    assert "".join(clock.who[2 * turns.WARM_UP :][:8]) == "cppccppc"
    assert found == pytest.approx(np.array([[0.001], [0.002]]).repeat(found.shape[1], axis=1))


def test_the_warm_up_is_not_counted():
    clock = Clock()
    found = turns.in_turns([clock.work("c", 1e-5)], 1, clock)
    assert found.shape == (1, turns.TURNS)
    assert len(clock.who) == turns.TURNS + turns.WARM_UP


@pytest.mark.parametrize(
    ("seconds", "needed", "taken"),
    [(0.05, 1, 60), (0.05, 299, 299), (0.5, 299, 60), (100.0, 299, 1)],
    ids=["enough", "slow", "very slow", "hopeless"],
)
def test_time_is_bounded_and_longest_for_the_turns_that_are_needed(seconds, needed, taken):
    clock = Clock()
    found = turns.in_turns([clock.work("c", seconds)], needed, clock)
    assert found.shape[1] == pytest.approx(taken, abs=1)


def test_waiting_for_a_processor_is_not_counted():
    clock = Clock()
    found = turns.in_turns([clock.work("c", 0.001, waiting=0.5)], 1, clock)
    assert found[0] == pytest.approx(np.full(found.shape[1], 0.001))


def test_a_turn_that_was_all_waiting_counts_for_neither():
    clock = Clock()
    models = [clock.work("c", 2**-10), clock.work("p", 0.0, waiting=2**-3)]  # exact in binary
    assert turns.in_turns(models, 1, clock).shape == (2, 0)


def test_the_system_tells_how_long_a_thread_waited_or_nobody_did(monkeypatch):
    with stopwatch() as watch:
        assert 0 <= watch.waited() <= watch.now()
    monkeypatch.setattr("mlops_spec.runtime.gates.measuring.stopwatch._SCHEDULED", "/nowhere")
    with stopwatch() as watch:
        assert watch.waited() == 0.0


def test_garbage_is_collected_before_and_not_between():
    states = []
    with stopwatch() as watch:
        turns.in_turns([[lambda: states.append(gc.isenabled())]], 1, watch)
    assert states[turns.WARM_UP] is False
    assert gc.isenabled()


@pytest.mark.parametrize(("n", "places"), [(0, []), (3, [0, 1, 2]), (9, [0, 2, 5, 8])])
def test_rows_are_taken_evenly(n, places):
    assert spread(n, 4).tolist() == places


def test_noise_keeps_gaps_and_whole_numbers_and_ranges():
    features = features_of(rows(), DATASET, RECIPE)
    noisy = with_noise(features, MODEL, 0.3)
    assert noisy["carrier"].equals(features["carrier"])
    assert noisy["distance"].isna().equals(features["distance"].isna())
    moved = (noisy["distance"] - features["distance"]).abs()
    assert moved.median() == pytest.approx(0.3 * 0.674 * features["distance"].std(), rel=0.2)
    assert (noisy["ώρα"] == noisy["ώρα"].round()).all()
    assert (noisy["ώρα"] != features["ώρα"]).mean() > 0.5
    for name in ("ώρα", "distance"):
        assert noisy[name].min() >= features[name].min()
        assert noisy[name].max() <= features[name].max()


def test_the_same_noise_comes_again_and_each_column_has_its_own():
    features = features_of(rows(), DATASET, RECIPE)
    assert with_noise(features, MODEL, 0.1).equals(with_noise(features, MODEL, 0.1))
    constant = features.assign(**{"ώρα": 5.0})
    assert (with_noise(constant, MODEL, 0.1)["ώρα"] == 5.0).all()
    same = with_noise(constant, MODEL, 0.1)["distance"]
    assert same.equals(with_noise(features, MODEL, 0.1)["distance"])


@pytest.mark.parametrize("value", [np.nan, 7.0])
def test_a_column_of_nothing_or_of_one_value_stays(value):
    features = features_of(rows(), DATASET, RECIPE).assign(distance=value)
    assert with_noise(features, MODEL, 0.5)["distance"].equals(features["distance"])


def test_a_request_gives_the_scorer_what_the_service_would():
    frame = rows(3)
    (first, *_), whole = requested(MODEL, frame, 1), requested(MODEL, frame, 50)
    assert {name: list(values) for name, values in first.items()} == {
        "ώρα": [frame["ώρα"][0]], "distance": [None], "carrier": [frame["carrier"][0]],
    }  # fmt: skip
    assert type(first["ώρα"][0]) is int
    assert [len(columns["distance"]) for columns in whole] == [3]


# From here on with trained models.
@pytest.fixture
def subject(tmp_path):
    def made(frame, dataset=DATASET, recipe=RECIPE):
        put(tmp_path, frame)
        place = context(tmp_path)
        return Subject(place, trained(place, dataset, recipe))

    return made


def with_column(name, kind, **more):
    dataset = replace(DATASET, columns=(*COLUMNS, Column(name, kind, **more)))
    return dataset, replace(RECIPE, features=(*RECIPE.features, name))


def test_the_features_that_change_most_alone_come_first(subject):
    found = shaken(subject(rows()), 0.3)
    assert (found.rows, found.moved, found.alone_rows) == (120, 2, 120)
    assert [name for name, _ in found.alone] == ["ώρα", "distance"]
    assert found.alone[0][1] > found.alone[1][1]


def test_a_prediction_of_a_number_changes_when_it_moves_far(subject):
    frame = rows()
    hour = frame["ώρα"] + np.random.default_rng(0).normal(0, 1, len(frame))
    columns = tuple(replace(c, type="float") if c.name == "καθυστέρηση" else c for c in COLUMNS)
    recipe = replace(RECIPE, task="regression", estimator="sklearn.linear_model.Ridge")
    known = subject(
        frame.assign(**{"καθυστέρηση": hour}), replace(DATASET, columns=columns), recipe
    )
    assert shaken(known, 0.001).changed == 0
    assert shaken(known, 1.0).changed > 60


def test_held_out_rows_that_repeat_a_training_row_are_counted(subject):
    frame = rows()
    # The newest 120 rows are held out; 30 of them are older rows once more, one with another label.
    features = ["ώρα", "distance", "carrier", "καθυστέρηση"]
    frame.loc[500:529, features] = frame.loc[1:30, features].to_numpy()
    frame["distance"] = frame["distance"].astype(float)
    frame["ώρα"] = frame["ώρα"].astype(int)
    frame["καθυστέρηση"] = frame["καθυστέρηση"].astype(bool)
    frame.loc[500, "καθυστέρηση"] ^= True
    gone = frame["distance"].isna()
    frame.loc[gone, "distance"] = np.arange(gone.sum()) + 0.5  # otherwise gaps repeat by chance
    frame.loc[[500 + i for i in range(30)], "distance"] = frame.loc[1:30, "distance"].to_numpy()
    found = seen(subject(frame))
    assert (found.rows, found.repeated, found.distinct) == (120, 29, 120)


def test_missing_values_repeat_as_any_other(subject):
    frame = rows()
    frame["distance"] = np.nan
    frame.loc[0, "distance"] = 5.0
    found = seen(subject(frame))
    assert found.distinct < 120
    assert found.repeated > 100


def test_a_feature_is_ranked_either_way_round(subject):
    dataset, recipe = with_column("early", "float")
    frame = rows()
    noise = np.random.default_rng(0).normal(0, 0.3, len(frame))
    found = ranking(subject(frame.assign(early=noise - frame["καθυστέρηση"]), dataset, recipe))
    assert (found.found[0].feature, found.found[0].of) == ("early", "True")
    assert found.found[0].area > 0.97
    # The feature with gaps is tried with them first and last.
    assert (len(found.found), found.tried) == (4, 5)


def test_what_is_missing_may_give_the_label_away(subject):
    dataset, recipe = with_column("arrived", "float", nullable=True)
    frame = rows()
    random = np.random.default_rng(0)
    known = frame["καθυστέρηση"] ^ (random.random(len(frame)) < 0.02)
    frame["arrived"] = np.where(known, random.normal(size=len(frame)), np.nan)
    found = ranking(subject(frame, dataset, recipe)).found[0]
    assert found.feature == "arrived"
    assert found.area > 0.95


def test_many_categories_look_no_better_than_they_are(subject):
    dataset, recipe = with_column("ident", "category")
    frame = rows()
    found = ranking(subject(frame.assign(ident=[f"u{i}" for i in range(600)]), dataset, recipe))
    (ident,) = (one for one in found.found if one.feature == "ident")
    assert ident.area == 0.5


def test_a_category_that_is_nearly_the_label_is_found(subject):
    dataset, recipe = with_column("status", "category", nullable=True)
    frame = rows()
    known = frame["καθυστέρηση"] ^ (np.random.default_rng(0).random(len(frame)) < 0.02)
    status = pd.Series(np.where(known, "αργά", None), dtype=object)
    found = ranking(subject(frame.assign(status=status), dataset, recipe)).found[0]
    assert (found.feature, found.area > 0.95) == ("status", True)


def test_a_class_of_few_rows_says_nothing_of_a_feature(subject, monkeypatch):
    columns = tuple(replace(c, type="category") if c.name == "καθυστέρηση" else c for c in COLUMNS)
    frame = rows()
    words = np.random.default_rng(0).choice(["a", "b", "c"], len(frame), p=[0.6, 0.3, 0.1])
    recipe = replace(RECIPE, task="multiclass")
    known = subject(
        frame.assign(**{"καθυστέρηση": words}), replace(DATASET, columns=columns), recipe
    )
    assert {one.of for one in ranking(known).found} == {"a", "b"}
    monkeypatch.setattr(ranks, "LEAST_OF_CLASS", 500)
    assert ranking(known).found == ()


def test_a_request_is_answered_as_the_row_was_judged(subject):
    exact, asked = agreements(subject(rows()))
    assert (exact.rows, asked.rows) == (120, 120)
    assert max(exact.difference, asked.difference) < 1e-6
    assert (exact.changed, asked.changed) == (0, 0)


def test_a_request_that_is_answered_otherwise_is_seen(subject):
    known = subject(rows())
    recorded = known.answers.copy()
    recorded.loc[3, "score"] -= 0.25
    recorded.loc[5, "decision"] = not recorded.loc[5, "decision"]
    known.answers = recorded
    _, asked = agreements(known)
    assert (asked.difference, asked.changed) == (pytest.approx(0.25, abs=1e-6), 1)
