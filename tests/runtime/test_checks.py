"""Bad rows are counted and shown; data that cannot teach stops the run before training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from learning import AS_CSV, DATASET, RECIPE, context, put, rows

from mlops_spec.runtime.data.checks import check, checked_rows, read_checked
from mlops_spec.runtime.data.read import read
from mlops_spec.runtime.data.snapshot import snapshot
from mlops_spec.runtime.declare import Column
from mlops_spec.runtime.refusal import Refusal

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def checked(root, frame, dataset=DATASET, recipe=RECIPE, name="rows.parquet"):
    put(root, frame, name)
    place = context(root)
    data = snapshot(place, dataset)["data"]
    return check(place, dataset, recipe, data), place, data


def refused(root, frame, dataset=DATASET, recipe=RECIPE, name="rows.parquet"):
    with pytest.raises(Refusal) as caught:
        checked(root, frame, dataset, recipe, name)
    return caught.value


def bad_frame():
    frame = rows(100).astype({"distance": object, "ώρα": object})
    frame.loc[3, "distance"] = -5.0
    frame.loc[4, "distance"] = float("inf")
    frame.loc[5, "carrier"] = "ZZ"
    frame.loc[6, "carrier"] = None
    frame.loc[7, "id"] = "f8"
    frame.loc[9, "ώρα"] = 24
    return frame.astype({"distance": float, "ώρα": "int64"})


def test_good_rows_all_stay(tmp_path):
    output, place, data = checked(tmp_path, rows())
    assert output == {"rows": 600, "bad_rows": 0, "unlabelled": 0, "problems": []}
    pd.testing.assert_series_equal(read_checked(place, data)["ώρα"], rows()["ώρα"])


def test_every_bad_row_is_counted_under_its_column_and_rule(tmp_path):
    refusal = refused(tmp_path, bad_frame())
    assert refusal.code == "MLS702"
    assert refusal.message == (
        "6 of 100 rows (6.00%) do not fit the Dataset's columns; 0.00% may be bad"
    )
    assert refusal.details == (
        "carrier: missing in 1 row; id f6: None",
        "carrier: none of AA, UA, Ωλ in 1 row; id f5: ZZ",
        "distance: below 0 in 1 row; id f3: -5.0",
        "distance: not a finite number in 1 row; id f4: inf",
        "id: repeats an earlier key in 1 row; row 9: f8",
        "ώρα: above 23 in 1 row; id f9: 24",
    )


def test_bad_rows_within_the_allowed_share_are_dropped_and_recorded(tmp_path):
    output, place, data = checked(tmp_path, bad_frame(), replace(DATASET, bad_rows=0.06))
    assert (output["rows"], output["bad_rows"], len(output["problems"])) == (94, 6, 6)
    kept = read_checked(place, data)
    assert len(kept) == 94
    assert kept["id"].is_unique


def test_a_csv_means_the_same_as_parquet(tmp_path):
    one, place_one, data_one = checked(tmp_path / "one", rows())
    two, place_two, data_two = checked(tmp_path / "two", rows(), AS_CSV, name="rows.csv")
    assert one == two
    pd.testing.assert_frame_equal(
        read_checked(place_one, data_one), read_checked(place_two, data_two)
    )


def test_text_that_is_no_number_is_one_problem_not_two(tmp_path):
    frame = rows(100).astype({"ώρα": object})
    frame.loc[[1, 2], "ώρα"] = ["noon", "7.5"]
    refusal = refused(tmp_path, frame.astype({"ώρα": str}), AS_CSV, name="rows.csv")
    assert refusal.details == (
        "ώρα: not a whole number of at most 64 bits in 2 rows; id f1: noon, id f2: 7.5",
    )


def test_times_of_any_zone_become_utc_and_those_without_are_taken_as_utc(tmp_path):
    frame = rows(40)
    frame["at"] = ["2013-03-10T01:30:00-05:00", "2013-03-10 06:30"] + [
        f"2013-04-{1 + i % 28:02}T{i % 24:02}:00Z" for i in range(38)
    ]
    put(tmp_path, frame, "rows.csv")
    found = checked_rows(read(tmp_path, AS_CSV), AS_CSV).rows["at"]
    assert found.iloc[0] == found.iloc[1] == pd.Timestamp("2013-03-10T06:30Z")


def test_a_whole_column_of_missing_labels_is_not_bad_but_unlabelled(tmp_path):
    frame = rows(100).astype({"καθυστέρηση": object})
    frame.loc[90:, "καθυστέρηση"] = None
    columns = tuple(
        replace(c, nullable=True) if c.name == "καθυστέρηση" else c for c in DATASET.columns
    )
    output, *_ = checked(tmp_path, frame, replace(DATASET, columns=columns))
    assert (output["rows"], output["unlabelled"], output["bad_rows"]) == (90, 10, 0)


GIVEN_AWAY = "the feature '{}' gives the label 'καθυστέρηση' away: {}"
CANNOT_TEACH = {
    "three rows": (lambda f: f.head(3), "MLS703", "3 rows can be used"),
    "constant label": (
        lambda f: f.assign(καθυστέρηση=True), "MLS704",
        "the label 'καθυστέρηση' is True in all 600 rows",
    ),
    "empty column": (
        lambda f: f.assign(distance=np.nan), "MLS705",
        "the feature 'distance' holds no value in any of 600 rows",
    ),
    "label as feature": (
        lambda f: f.assign(distance=f["καθυστέρηση"].astype(float)), "MLS706",
        GIVEN_AWAY.format("distance", "each of its values has one label"),
    ),
    "label with noise": (
        lambda f: f.assign(distance=f["καθυστέρηση"] + np.arange(600) / 1e3), "MLS706",
        GIVEN_AWAY.format("distance", "alone it has an AUC of 1.000000"),
    ),
    "label in words": (
        lambda f: f.assign(carrier=np.where(f["καθυστέρηση"], "AA", "UA")), "MLS706",
        GIVEN_AWAY.format("carrier", "each of its values has one label"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CANNOT_TEACH)
def test_data_that_cannot_teach_is_refused(tmp_path, case):
    change, code, message = CANNOT_TEACH[case]
    refusal = refused(tmp_path, change(rows()))
    assert refusal.code == code
    assert refusal.message.startswith(message)
    assert refusal.help


def test_a_feature_that_orders_rows_as_a_numeric_label_does_is_refused(tmp_path):
    columns = tuple(c for c in DATASET.columns if c.name != "καθυστέρηση")
    dataset = replace(DATASET, columns=(*columns, Column("delay", "float")), label="delay")
    frame = rows().drop(columns="καθυστέρηση")
    frame["distance"] = frame["distance"].fillna(1)
    frame["delay"] = np.log(frame["distance"])
    recipe = replace(RECIPE, task="regression")
    assert refused(tmp_path, frame, dataset, recipe).code == "MLS706"


def test_bad_rows_are_said_before_what_the_good_ones_lack(tmp_path):
    refusal = refused(tmp_path, rows().assign(id="x"))
    assert (refusal.code, refusal.message) == (
        "MLS702", "599 of 600 rows (99.83%) do not fit the Dataset's columns; 0.00% may be bad",
    )  # fmt: skip


def test_labels_that_have_not_arrived_yet_are_counted(tmp_path):
    columns = tuple(replace(c, nullable=c.name == "καθυστέρηση") for c in DATASET.columns)
    frame = rows().assign(καθυστέρηση=[True, False] + [None] * 598)
    frame["distance"] = 1.0
    refusal = refused(tmp_path, frame, replace(DATASET, columns=columns))
    assert (refusal.code, refusal.message) == (
        "MLS703",
        "2 of 600 good rows have a label; 2 can be used; "
        "30 are the least to train and judge a model on",
    )


def test_all_features_without_a_value_are_named_at_once(tmp_path):
    columns = tuple(replace(c, nullable=True) for c in DATASET.columns)
    frame = rows().assign(distance=np.nan, carrier=None)
    refusal = refused(tmp_path, frame, replace(DATASET, columns=columns))
    assert (refusal.code, refusal.details) == (
        "MLS705", ("distance: no value", "carrier: no value"),
    )  # fmt: skip


WITH_NUMBER_AS_KEY = (Column("id", "integer"), *DATASET.columns[1:])


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_keys_of_19_digits_stay_themselves_beside_a_bad_one(tmp_path, name):
    keys = [2**60 + i for i in range(100)]
    frame = rows(100).assign(id=pd.array([None, *keys[1:]], dtype="Int64"))
    source = AS_CSV if name.endswith(".csv") else DATASET
    dataset = replace(source, columns=WITH_NUMBER_AS_KEY, bad_rows=0.05)
    output, place, data = checked(tmp_path, frame, dataset, name=name)
    assert output["problems"] == [
        {"column": "id", "rule": "missing", "rows": 1, "examples": ("row 1: None",)}
    ]
    assert read_checked(place, data)["id"].tolist() == keys[1:]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (2**53 + 1, "beyond ±2^53, where floats round"),
        (-(2**60), "beyond ±2^53, where floats round"),
        (2**64 - 1, "not a whole number of at most 64 bits"),
        ("1e300", "not a whole number of at most 64 bits"),
    ],
)
def test_whole_numbers_that_a_model_cannot_tell_apart_are_bad(tmp_path, value, rule):
    columns = tuple(replace(c, min=None, max=None) for c in DATASET.columns)
    frame = rows(100).assign(ώρα=[str(value)] + ["5"] * 99)
    dataset = replace(AS_CSV, columns=columns)
    refusal = refused(tmp_path, frame, dataset, name="rows.csv")
    assert refusal.details == (f"ώρα: {rule} in 1 row; id f0: {value}",)


def test_a_label_of_whole_numbers_stays_whole_where_some_have_not_arrived(tmp_path):
    columns = tuple(c for c in DATASET.columns if c.name != "καθυστέρηση")
    label = Column("grade", "integer", nullable=True)
    dataset = replace(DATASET, columns=(*columns, label), label="grade")
    frame = rows().assign(grade=pd.array([1, 2, 3, None, 2, 1] * 100, dtype="Int64"))
    _, place, data = checked(tmp_path, frame, dataset, replace(RECIPE, task="multiclass"))
    assert read_checked(place, data)["grade"].dtype == "int64"


def test_what_is_shown_of_data_is_short_and_cannot_drive_a_terminal(tmp_path):
    frame = rows(100)
    frame.loc[[1, 2, 3], "carrier"] = ["\x1b[31mred\nline", " AA", "x" * 10_000]
    refusal = refused(tmp_path, frame)
    assert refusal.details == (
        "carrier: none of AA, UA, Ωλ in 3 rows; "
        f"id f1: '\\x1b[31mred\\nline', id f2: ' AA', id f3: {'x' * 60}…",
    )


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("03/01/2013 06:30", "not a time in ISO 8601 between 1677 and 2262"),
        ("9999-12-31T00:00:00Z", "not a time in ISO 8601 between 1677 and 2262"),
        (1362096000, "a number, not a time such as 2013-03-01T06:30Z"),
    ],
)
def test_what_is_no_time_is_told_what_one_looks_like(tmp_path, value, rule):
    refusal = refused(tmp_path, rows(40).assign(at=value))
    assert refusal.details[0].startswith(f"at: {rule} in 40 rows; id f0: {value}")


def graded(grade, distance):
    columns = tuple(c for c in DATASET.columns if c.name != "καθυστέρηση")
    dataset = replace(DATASET, columns=(*columns, Column("grade", "integer")), label="grade")
    frame = rows().drop(columns="καθυστέρηση").assign(grade=grade, distance=distance)
    return frame, dataset, replace(RECIPE, task="multiclass")


def test_one_class_that_a_feature_tells_apart_is_no_leak(tmp_path):
    random = np.random.default_rng(7)
    grade = random.integers(0, 3, 600)
    output, *_ = checked(tmp_path, *graded(grade, random.random(600) + 10 * (grade == 2)))
    assert output["rows"] == 600


def test_a_feature_that_tells_all_classes_apart_is_a_leak(tmp_path):
    random = np.random.default_rng(7)
    grade = random.integers(0, 3, 600)
    refusal = refused(tmp_path, *graded(grade, random.random(600) + 10 * (2 - grade)))
    assert refusal.message == GIVEN_AWAY.format(
        "distance", "its order alone parts all 3 labels"
    ).replace("καθυστέρηση", "grade")


def test_few_rows_of_a_class_at_one_end_of_a_feature_are_no_leak(tmp_path):
    frame = rows().assign(καθυστέρηση=np.arange(600) < 5, distance=np.arange(600.0))
    assert checked(tmp_path, frame)[0]["rows"] == 600
