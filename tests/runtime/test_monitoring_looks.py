"""Looks of the monitor: which time it is, which rows count, what no data says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest
from monitor_world import DATASET, DAY, DRIFT, RECIPE, SUMMER, World, outcomes, rows

from mlops_spec.runtime.monitor import steps as monitoring
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Windows
from mlops_spec.terms.verdict import Outcome


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _iso(days: float) -> str:
    return datetime.fromtimestamp(SUMMER + days * DAY, UTC).isoformat()


def _serve_weeks(world: World, count: int, **shift: float) -> None:
    for week in range(count):
        world.serve(rows(world.random, 1500, SUMMER + week * 7 * DAY, 7, **shift))


def test_the_window_ends_with_the_newest_event_of_a_replay(world: World) -> None:
    _serve_weeks(world, 2)
    seen, *_ = world.look()
    step = DRIFT.window / 24
    assert seen.answers.clock == "event"
    assert seen.end + step >= SUMMER + 14 * DAY
    assert seen.end - seen.answers.last() <= step
    assert seen.end % step == 0
    assert seen.traffic.outcome is Outcome.PASS


def test_looks_within_one_step_are_one_window(world: World) -> None:
    _serve_weeks(world, 1)
    world.look()
    world.look()
    assert len(Windows(world.context.store, "local").of("flight-delay")) == 1


def test_a_monitor_that_was_away_looks_at_the_windows_it_missed(world: World) -> None:
    _serve_weeks(world, 2)
    world.serve(rows(world.random, 1500, SUMMER + 14 * DAY, 7, warmer=20.0))
    seen, *_ = world.look()
    earlier = monitoring.missed(world.context, DRIFT, seen)
    for look in earlier:
        compared = monitoring.compare(world.context, RECIPE, DRIFT, look)
        judged = monitoring.perform(world.context, DATASET, RECIPE, DRIFT, look)
        monitoring.record(world.context, look, compared, judged)
    windows = Windows(world.context.store, "local").of("flight-delay")
    temp = [
        next(v["outcome"] for v in window.verdicts if v["check"] == "ks temp") for window in windows
    ]

    assert [seen.end - look.end for look in earlier] == [14 * DAY, 7 * DAY]
    assert temp == ["pass", "pass", "fail"]
    assert monitoring.missed(world.context, DRIFT, seen) == ()


def test_production_like_training_passes_with_labels(world: World) -> None:
    _serve_weeks(world, 4)
    *_, judged, window = world.look(_iso(28))
    assert window.outcome == "pass"
    assert judged.baseline_is == "the first 14 days after promotion"


def test_until_may_carry_any_zone(world: World) -> None:
    _serve_weeks(world, 2)
    athens = datetime.fromtimestamp(SUMMER + 10 * DAY, timezone(timedelta(hours=3))).isoformat()
    assert world.look(athens)[0].end == world.look(_iso(10))[0].end == SUMMER + 10 * DAY
    naive = datetime.fromtimestamp(SUMMER + 10 * DAY, UTC).replace(tzinfo=None).isoformat()
    assert world.look(naive)[0].end == SUMMER + 10 * DAY


def test_an_until_that_is_no_time_is_refused(world: World) -> None:
    with pytest.raises(Refusal, match="until is 'July'; an ISO 8601 time is expected"):
        world.look("July")


def test_an_empty_log_is_no_data(world: World) -> None:
    world.serve(rows(world.random, 0, SUMMER, 7))
    seen, *_, window = world.look()
    assert window.outcome == "no_data"
    assert set(outcomes(window.verdicts).values()) == {"no_data"}
    assert seen.traffic.reason == "the prediction log is empty"


def test_a_service_that_fell_silent_is_no_data_although_its_last_week_was_good(
    world: World,
) -> None:
    _serve_weeks(world, 4)
    world.clock += 8 * DAY
    *_, window = world.look()
    assert outcomes(window.verdicts)["traffic"] == "no_data"
    assert window.outcome == "no_data"


def test_without_labels_drift_is_judged_and_performance_is_no_data(world: World) -> None:
    world.serve(rows(world.random, 1, SUMMER, 1))
    world.serve(rows(world.random, 1500, SUMMER, 7, warmer=8), labels=False)
    found = outcomes(world.look()[-1].verdicts)
    assert (found["ks temp"], found["performance roc_auc"]) == ("fail", "no_data")


def test_labels_that_cannot_be_read_are_an_error_and_drift_is_judged_still(world: World) -> None:
    world.serve(rows(world.random, 1500, SUMMER, 7, warmer=8))
    (world.root / "data" / "cut.parquet").write_bytes(b"PAR1 cut in half")
    window = world.look()[-1]
    found = outcomes(window.verdicts)
    assert (found["ks temp"], found["performance roc_auc"]) == ("fail", "error")
    assert window.outcome == "error"
    assert "cut.parquet cannot be read" in str(window.verdicts[-1]["reason"])


def test_a_release_without_any_log_is_no_data(world: World) -> None:
    window = world.look()[-1]
    found = outcomes(window.verdicts)
    assert found.pop("performance roc_auc") == "error"  # there is no source at all in this world
    assert set(found.values()) == {"no_data"}


def test_labels_count_only_after_they_had_time_to_arrive(world: World) -> None:
    _serve_weeks(world, 1)
    judged = world.look(_iso(7))[2]
    assert judged.verdict.n == judged.now.n
    assert judged.now.n == pytest.approx(1500 * 6 / 7, rel=0.05)


def test_until_the_first_days_are_over_the_held_out_rows_are_the_baseline(world: World) -> None:
    _serve_weeks(world, 1)
    judged = world.look()[2]
    assert judged.baseline_is == "held-out evaluation"
    assert judged.baseline.n == 2000


def test_a_worse_model_fails_on_its_drop_with_the_interval(world: World) -> None:
    _serve_weeks(world, 3)
    world.serve(rows(world.random, 1500, SUMMER + 21 * DAY, 7, blind=0.7))
    verdict = world.look(_iso(28))[2].verdict
    assert verdict.outcome is Outcome.FAIL
    assert verdict.low is not None
    assert verdict.estimate is not None
    assert 0 < verdict.low < verdict.estimate
    assert verdict.limit == "3% drop"


def test_one_class_only_is_no_data(world: World) -> None:
    late = rows(world.random, 1500, SUMMER, 7).assign(late=True)
    world.serve(late)
    verdict = world.look(_iso(8))[2].verdict
    assert (verdict.outcome, verdict.n_enough) == (Outcome.NO_DATA, 300)
    assert "one class only" in verdict.reason


def test_repeated_replayed_and_shadow_rows_are_no_more_evidence(world: World) -> None:
    frame = rows(world.random, 1000, SUMMER, 7)
    world.serve(frame, shadow=True)
    world.serve(frame)
    world.serve(frame)
    seen, *_ = world.look()
    assert len(seen.answers.between(0.0, seen.end)) == 1000


def test_a_time_in_the_future_does_not_move_the_window(world: World) -> None:
    _serve_weeks(world, 1)
    world.serve(rows(world.random, 1, world.clock + 900 * DAY, 1), labels=False)
    assert world.look()[0].end <= SUMMER + 7.5 * DAY


def test_rows_without_event_time_follow_the_wall_clock(world: World) -> None:
    world.serve(rows(world.random, 1500, SUMMER, 7), times=False)
    seen, compared, *_ = world.look()
    assert seen.answers.clock == "wall"
    assert {v.outcome for v in compared.verdicts} == {Outcome.PASS}


def test_a_new_release_is_judged_on_its_own_log(world: World) -> None:
    _serve_weeks(world, 1, warmer=9)
    assert world.look()[-1].outcome == "fail"
    old = world.context.deployments.production("flight-delay")
    assert old is not None
    world.context.deployments.save(replace(old, role="previous", weight=0.0))
    world.promote("release-2", "run-2")
    assert world.look()[-1].outcome == "no_data"
    world.serve(rows(world.random, 1500, SUMMER + 7 * DAY, 7), release="release-2")
    assert world.look()[-1].outcome == "pass"


def test_no_production_and_no_baseline_are_refused_with_advice(world: World) -> None:
    _serve_weeks(world, 1)
    (world.context.workspace.run("run-1") / "profile.json").write_text("{")
    with pytest.raises(Refusal, match="the baseline of run run-1 cannot be read"):
        world.look()
    production = world.context.deployments.production("flight-delay")
    assert production is not None
    world.context.deployments.remove(production)
    with pytest.raises(Refusal, match="no production release") as caught:
        world.look()
    assert caught.value.help == "run `spec apply` first"


def test_a_client_that_sends_a_time_out_of_this_world_blinds_nobody(world: World) -> None:
    _serve_weeks(world, 2)
    before = world.look()[0]
    strange = rows(world.random, 2, SUMMER, 1)
    strange["departs_at"] = pd.Series(
        ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"]
    ).astype("datetime64[us, UTC]")
    world.serve(strange)
    after, *_, window = world.look()
    assert (after.start, after.end) == (before.start, before.end)
    assert after.answers.clock == before.answers.clock
    assert window.outcome == "pass"
