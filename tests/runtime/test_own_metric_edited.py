"""An edited metric of the user's is another gate: what it decided before is decided again."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from learning import DATASET, FACETS, RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import AtLeast, Gates, Segments
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.registry import register

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

OWN = Gates((AtLeast("roc_auc", 0.5), AtLeast("edited_rules.right", 0.5)))
RIGHT = "def right(truth, said):\n    return (truth == said) * 1.0\n"
WRONG = "def right(truth, said):\n    return (truth != said) * 1.0\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    put(tmp_path, rows())
    monkeypatch.syspath_prepend(tmp_path)
    edit(tmp_path, RIGHT)
    return context(tmp_path)


def edit(root, text):
    """As a new process finds it."""
    (root / "edited_rules.py").write_text(text)
    sys.modules.pop("edited_rules", None)
    for cached in (root / "__pycache__").glob("edited_rules*"):
        cached.unlink()


def test_an_edited_metric_decides_again_and_the_text_of_before_is_known(place):
    run = trained(place)
    first = gate(place, OWN, RECIPE, run)
    assert (first["outcome"], list(first["code"])) == ("pass", ["edited_rules.right"])
    edit(place.root, WRONG)
    assert gate(place, OWN, RECIPE, run)["outcome"] == "fail"
    edit(place.root, RIGHT)
    assert gate(place, OWN, RECIPE, run) == first
    assert len(place.journal.steps(place.model, step="gate", run=run)) == 2


def test_a_metric_of_segments_counts_too(place):
    run = trained(place)
    groups = Segments("carriers", ("carrier",), AtLeast("edited_rules.right", 0.1), min_rows=10)
    first = gate(place, Gates((AtLeast("roc_auc", 0.5), groups)), RECIPE, run)
    assert list(first["code"]) == ["edited_rules.right"]


@pytest.mark.slow
def test_only_what_the_code_of_now_let_through_is_registered(place, tmp_path):
    run = trained(place)
    gate(place, OWN, RECIPE, run)
    edit(place.root, WRONG)
    with pytest.raises(Refusal, match="was not gated"):
        register(place, DATASET, RECIPE, run, "sqlite")
    gate(place, OWN, RECIPE, run)
    assert register(place, DATASET, RECIPE, run, "sqlite")["version"] == ""
    plain = replace(place, facets={**FACETS, "gate": "g2"})
    gate(plain, Gates((AtLeast("roc_auc", 0.5),)), RECIPE, run)
    edit(place.root, RIGHT)
    assert register(place, DATASET, RECIPE, run, "sqlite")["version"] == "1"
