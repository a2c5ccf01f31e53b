"""A file of a run that somebody removed is made again, or it is said what helps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from learning import DATASET, RECIPE, context, put, rows, trained

from mlops_spec.runtime.data.checks import check, checked_path, read_checked
from mlops_spec.runtime.data.snapshot import snapshot
from mlops_spec.runtime.data.split import read_parts, split
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.evaluation import heldout_answers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def prepared(place):
    """The steps before a model is fitted, as the flow does them each time."""
    data = snapshot(place, DATASET)["data"]
    check(place, DATASET, RECIPE, data)
    split(place, DATASET, RECIPE, data)
    return data


@pytest.mark.parametrize("gone", ["rows.parquet", "checked", "split.parquet", "the folder"])
def test_what_the_steps_before_training_left_is_made_again_as_it_was(tmp_path: Path, gone) -> None:
    put(tmp_path, rows())
    place = context(tmp_path)
    data = prepared(place)
    before = read_checked(place, data), read_parts(place, data).tolist()
    folder = place.workspace.snapshot(data)
    match gone:
        case "rows.parquet":
            (folder / gone).unlink()
            checked_path(place, data).unlink()
        case "checked":
            checked_path(place, data).unlink()
        case "split.parquet":
            (found,) = place.workspace.root.glob(f"runs/*/{gone}")
            found.unlink()
        case _:
            shutil.rmtree(folder)
    assert prepared(place) == data
    after = read_checked(place, data), read_parts(place, data).tolist()
    pd.testing.assert_frame_equal(before[0], after[0])
    assert before[1] == after[1]
    assert not list(place.workspace.root.glob("**/*.tmp"))


def test_what_a_model_answered_is_not_made_again_and_the_help_is_another_run(tmp_path) -> None:
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    (place.workspace.run(run) / "heldout.parquet").unlink()
    with pytest.raises(Refusal) as caught:
        heldout_answers(place, run)
    assert caught.value.help == (
        "train again: change `train.seed`, so that it is another run, then spec apply"
    )
