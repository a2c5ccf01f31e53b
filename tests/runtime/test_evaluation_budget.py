"""The tenth candidate on the same held-out rows is told so; beyond the budget nothing passes."""

from __future__ import annotations

import pytest
from learning import RECIPE, context, put, rows, trained

from mlops_spec.runtime.declare import AtLeast, Gates
from mlops_spec.runtime.gates.budget import candidates_on, held_out_digest, spent
from mlops_spec.runtime.gates.replay import Past, candidates, replay
from mlops_spec.runtime.gates.step import gate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PASSES = Gates((AtLeast("roc_auc", 0.6),))


def told(judged: int, **settings) -> list[tuple[str, str]]:
    found = spent(Gates((), **settings), judged)
    return [(one.outcome.value, one.reason.partition(";")[0]) for one in found]


def test_few_candidates_are_not_worth_a_line():
    assert told(9) == []


def test_the_tenth_candidate_is_told_how_lucky_it_may_be():
    luck = "one without any gain has passed by now with a chance of up to 50%"
    assert told(10) == [("pass", luck)]
    assert told(50)[0][0] == "pass"


def test_beyond_the_budget_nothing_passes():
    assert told(51)[0][0] == "inconclusive"
    assert told(2, evaluation_budget=3) == []
    assert told(3, evaluation_budget=3)[0][0] == "pass"
    assert told(4, evaluation_budget=3)[0][0] == "inconclusive"


def recorded(place, run: str, held_out: str) -> None:
    place.journal.start(place.model, "gate", f"gate-{run}", run)
    place.journal.finish(place.model, "gate", f"gate-{run}", "done", {"held_out": held_out})


def test_runs_are_counted_once_and_by_their_held_out_rows(tmp_path):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    held_out = held_out_digest(place, run)
    for other in ("a", "b", "a"):
        recorded(place, other, held_out)
    recorded(place, "c", "other rows")

    assert candidates_on(place, held_out, run) == 3
    assert candidates_on(place, held_out, "a") == 2


def test_a_replay_counts_what_had_been_judged_by_then(tmp_path):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    held_out = held_out_digest(place, run)
    for other in ("a", "b", "c"):
        recorded(place, other, held_out)
    gate(place, PASSES, RECIPE, run)
    for other in ("d", "e"):
        recorded(place, other, held_out)
    gated = place.journal.steps(place.model, step="gate")
    past = [one for one in candidates(gated, (), ()) if one.step.run == run]
    assert [one.judged for one in past] == [4]

    within, beyond = (
        replay(place.workspace, Gates(PASSES.gates, evaluation_budget=budget), past)[0]
        for budget in (4, 3)
    )
    assert (within.after, within.flips) == ("pass", ())
    assert (beyond.after, [one.check for one in beyond.flips]) == (
        "inconclusive", ["held-out rows"],
    )  # fmt: skip
    assert beyond.flips[0].line.startswith("held-out rows: INCONCLUSIVE  4  n=4  limit ≤ 3 cand")
    again = replay(place.workspace, PASSES, [Past(past[0].step)])[0]
    assert again.after == "pass"


def test_a_gate_beyond_its_budget_is_inconclusive_and_says_why(tmp_path):
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    for other in range(50):
        recorded(place, str(other), held_out_digest(place, run))
    output = gate(place, PASSES, RECIPE, run)

    assert output["outcome"] == "inconclusive"
    assert [verdict["check"] for verdict in output["verdicts"]] == ["roc_auc", "held-out rows"]
    assert output["verdicts"][1]["estimate"] == 51.0
