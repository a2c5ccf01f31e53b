"""Measured rules in a replay: told from what lies on the disk, or why not, in words."""

from __future__ import annotations

import json
import shutil

import pytest
from learning import RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import (
    AtLeast,
    Consistent,
    Gates,
    Latency,
    Leakage,
    ModelSize,
    Stable,
)
from mlops_spec.runtime.gates.replay import candidates, replay, summary
from mlops_spec.runtime.gates.step import gate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LENIENT = AtLeast("roc_auc", 0.3)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A candidate of which nothing was measured; its model cannot be loaded any more."""
    place = context(tmp_path_factory.mktemp("retold"))
    put(place.root, rows())
    run = trained(place)
    gate(place, Gates((LENIENT,)), RECIPE, run)
    (place.workspace.run(run) / "model" / "model.joblib").unlink()
    return place, place.workspace.run(run)


@pytest.fixture
def copy(world, tmp_path):
    """The world, for tests that damage it."""
    place, folder = world
    shutil.copytree(place.root / ".spec", tmp_path / ".spec")
    damaged = context(tmp_path)
    return damaged, damaged.workspace.run(folder.name)


def replayed(place, *rules):
    past = candidates(place.journal.steps(place.model, step="gate"), (), ())
    (found,) = replay(place.workspace, Gates((LENIENT, *rules)), past)
    return found


def test_a_size_is_counted_from_the_files(world):
    place, folder = world
    size = sum(path.stat().st_size for path in (folder / "portable").rglob("*"))
    assert replayed(place, ModelSize(size)).after == "pass"
    refused = replayed(place, ModelSize(size - 1))
    assert (refused.after, refused.untold) == ("fail", ())
    assert [flip.check for flip in refused.flips] == ["model size"]
    assert not (folder / "evidence").exists()


@pytest.mark.parametrize("damage", ["manifest", "file", "report"])
def test_a_model_that_is_not_whole_has_no_size(copy, damage):
    place, folder = copy
    match damage:
        case "manifest":
            (folder / "portable" / "manifest.json").write_text("{}")
        case "file":
            (folder / "portable" / "model.onnx").unlink()
        case _:
            (folder / "evaluation.json").write_text("[]")
    found = replayed(place, ModelSize(10**9))
    assert (found.after, found.untold) == ("", (
        "never measured: size; the portable model is not there any more as it was exported",
    ))  # fmt: skip


def test_what_needs_more_than_files_says_what_it_needs(world):
    place, _ = world
    rules = (Latency(0.5, most=9.0), Stable(0.05, 0.5), Leakage(duplicates=0.5))
    found = replayed(place, *rules, Consistent(difference=1.0), ModelSize(10**9))
    assert (found.after, found.untold) == ("", (
        "never measured: latency, stability under 0.05 of noise, consistency; that needs the "
        "model, which a replay does not load",
        "never measured: leakage; that needs the training rows, which a replay does not read",
    ))  # fmt: skip
    assert summary([found]) == "the one candidate cannot be told"


def test_what_the_export_compared_refutes_and_never_passes(copy):
    place, folder = copy
    strict = Consistent(difference=1e-3, changed=0.01)
    assert replayed(place, strict).after == ""
    path = folder / "evaluation.json"
    said = json.loads(path.read_text())
    said["portable"]["parity"] |= {"max_difference": 0.2, "changed_decisions": 0.0}
    path.write_text(json.dumps(said))
    found = replayed(place, strict, Consistent(difference=0.5))
    assert (found.after, found.untold) == ("fail", ())
    assert [flip.line for flip in found.flips] == [
        "consistency of scores: FAIL  0.2  n=120  limit ≤ 0.001  "
        "(portable form against scikit-learn)",
    ]
    assert replayed(place, Consistent(difference=0.5)).after == ""
