"""Rules on groups, on runs that were trained: their columns are read with the held-out rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from learning import RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import AtLeast, Calibrated, Fair, Gates, Segments
from mlops_spec.runtime.gates.step import gate
from mlops_spec.terms.verdict import Verdict

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FLOOR = AtLeast("roc_auc", 0.5)


@pytest.fixture
def place(tmp_path):
    put(tmp_path, rows(2000))
    return context(tmp_path)


def judged(place, *rules):
    output = gate(place, Gates((FLOOR, *rules)), RECIPE, trained(place))
    return [Verdict.from_json(found) for found in output["verdicts"]][1:]


def test_segments_by_a_greek_column_and_by_ranges_with_missing_values(place):
    carriers = Segments("carriers", ("carrier",), FLOOR, min_rows=50)
    hours = Segments(
        "hours", ("ώρα", "distance"), FLOOR, min_rows=20,
        cuts={"ώρα": (8.0, 16.0), "distance": (1000.0,)},
    )  # fmt: skip
    first, second = judged(place, carriers, hours)
    assert (first.check, first.outcome) == ("segments.carriers roc_auc", "pass")
    assert {part.check for part in first.parts} == {"carrier=AA", "carrier=UA", "carrier=Ωλ"}
    assert sum(part.n for part in first.parts) == 400
    assert {"ώρα <8 × distance <1000", "ώρα ≥16 × distance ≥1000"} <= {
        part.check for part in second.parts
    }


def test_fairness_and_calibration_of_a_run(place):
    fair = Fair("carriers", ("carrier",), "equal_opportunity_difference", 0.9)
    found = judged(place, fair, Calibrated("in_the_large", -0.3, 0.3))
    assert [(one.check, one.outcome.value) for one in found] == [
        ("fairness.carriers equal_opportunity_difference", "pass"),
        ("calibration.in_the_large", "pass"),
        ("calibration.in_the_large", "pass"),
    ]
    assert [part.method for part in found[0].parts] == ["Wilson"] * 3


def test_a_column_that_the_run_never_had_is_an_error(place):
    found = judged(place, Segments("ports", ("port",), FLOOR))[0]
    assert (found.outcome, found.parts) == ("error", ())
    assert found.reason.startswith("the held-out rows of this run have no column 'port'")


def test_customers_count_once_in_every_group(place):
    tied = replace(Gates((FLOOR, Segments("c", ("carrier",), FLOOR, min_rows=50))), blocks=86400.0)
    output = gate(place, tied, RECIPE, trained(place))
    found = Verdict.from_json(output["verdicts"][1])
    assert "max-T over 3 groups" in found.method
