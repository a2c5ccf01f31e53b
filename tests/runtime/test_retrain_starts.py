"""A breach starts one retraining: not two, not none, not on broken data."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from monitor_world import DAY, RETRAIN, SUMMER, World

from mlops_spec.runtime.monitor.retrain import Decision, retrain
from mlops_spec.state import Retrainings, Window
from mlops_spec.terms.verdict import Outcome, Verdict, worst

DRIFTED = Verdict("ks temp", Outcome.FAIL, 0.3, 0.2, 0.4, 900, "0.1")
DROPPED = Verdict("performance roc_auc", Outcome.FAIL, 0.05, 0.01, 0.09, 900, "3% drop")
FINE = Verdict("ks hour", Outcome.PASS, 0.01, 0.0, 0.04, 900, "0.1")
LOST = Verdict("missing temp", Outcome.FAIL, 0.4, 0.3, 0.5, 900, "0.1")
GONE = Verdict("missing temp", Outcome.FAIL, 0.9, 0.85, 0.95, 900, "0.1")
RECODED = Verdict("new carrier", Outcome.FAIL, 0.9, 0.85, 0.95, 900, "0.1")
GREW = Verdict("new carrier", Outcome.FAIL, 0.2, 0.15, 0.25, 900, "0.1")


def _window(*verdicts: Verdict, day: int = 7) -> Window:
    outcome = worst(verdict.outcome for verdict in verdicts)
    end = SUMMER + day * DAY
    return Window("flight-delay", "release-1", end - 7 * DAY, end, outcome.value,
                  tuple(verdict.to_json() for verdict in verdicts))  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _retrainings(world: World) -> list[tuple[str, str]]:
    found = Retrainings(world.context.store, "local").of("flight-delay")
    return [(retraining.trigger, retraining.flow_run) for retraining in found]


def test_a_breach_starts_the_training_flow_once_and_records_its_run(world: World) -> None:
    first = retrain(world.context, RETRAIN, _window(DRIFTED, FINE), world.start)
    assert first == Decision("started", "flight-delay-train/local", (DRIFTED.line(),), "flow-run-0")
    again = retrain(world.context, RETRAIN, _window(DRIFTED, FINE), world.start)
    assert again.kind == "blocked"
    assert again.reason == "window:2013-06-08T00:00:00+00:00 has started a retraining already"
    key = "local/flight-delay/window:2013-06-08T00:00:00+00:00"
    assert world.started == [("flight-delay-train/local", {"then_rollout": True}, key)]
    assert _retrainings(world) == [("window:2013-06-08T00:00:00+00:00", "flow-run-0")]


@pytest.mark.parametrize(
    ("when", "verdict", "kind"),
    [
        (("drift",), DRIFTED, "started"),
        (("drift",), GREW, "started"),
        (("drift",), DROPPED, "quiet"),
        (("performance",), DRIFTED, "quiet"),
        (("performance",), DROPPED, "started"),
        ((), DROPPED, "quiet"),
        (("drift", "performance"), FINE, "quiet"),
    ],
)
def test_only_what_the_spec_names_starts_a_retraining(
    world: World, when: tuple[str, ...], verdict: Verdict, kind: str
) -> None:
    policy = replace(RETRAIN, when=when)  # type: ignore[arg-type]
    assert retrain(world.context, policy, _window(verdict), world.start).kind == kind


@pytest.mark.parametrize("outcome", [Outcome.INCONCLUSIVE, Outcome.NO_DATA, Outcome.ERROR])
def test_what_is_not_certain_starts_nothing(world: World, outcome: Outcome) -> None:
    verdict = replace(DRIFTED, outcome=outcome)
    assert retrain(world.context, RETRAIN, _window(verdict), world.start).kind == "quiet"


@pytest.mark.parametrize("verdicts", [(GONE, DRIFTED), (RECODED, DROPPED), (LOST,)])
def test_broken_data_holds_a_retraining_back_and_says_what_to_do(
    world: World, verdicts: tuple[Verdict, ...]
) -> None:
    found = retrain(world.context, RETRAIN, _window(*verdicts), world.start)
    assert found.kind == "blocked"
    assert found.causes == (verdicts[0].line(),)
    assert "mend the source, or run `spec run train flight-delay`" in found.reason
    assert world.started == []


def test_a_few_more_gaps_beside_real_drift_hold_nothing_back(world: World) -> None:
    found = retrain(world.context, RETRAIN, _window(LOST, DRIFTED), world.start)
    assert (found.kind, found.causes) == ("started", (LOST.line(), DRIFTED.line()))


def test_cooldown_and_budget_hold_back_and_say_so(world: World) -> None:
    kinds = []
    for day in range(7, 27, 2):
        world.clock += 2 * DAY
        found = retrain(world.context, RETRAIN, _window(DRIFTED, day=day), world.start)
        kinds.append((found.kind, found.reason.partition(",")[0]))
    assert [kind for kind, _ in kinds].count("started") == 4
    assert kinds[1] == ("blocked", "the last retraining was 2 d ago")
    assert kinds[-1] == ("blocked", "the budget of 4 in 30 d is used up")


def test_a_start_that_fails_is_made_up_for_by_the_next_look(world: World) -> None:
    def gone(*_: object) -> str:
        raise ConnectionError("no server")

    lost = retrain(world.context, RETRAIN, _window(DRIFTED), gone)
    assert lost.kind == "waiting"
    assert "ConnectionError: no server" in lost.reason
    assert _retrainings(world) == [("window:2013-06-08T00:00:00+00:00", "")]
    # The next look finds nothing wrong itself, and still owes the retraining.
    made_up = retrain(world.context, RETRAIN, _window(FINE, day=8), world.start)
    assert (made_up.kind, made_up.flow_run) == ("resumed", "flow-run-0")
    assert _retrainings(world) == [("window:2013-06-08T00:00:00+00:00", "flow-run-0")]


def test_a_monitor_killed_between_start_and_record_starts_no_second_run(world: World) -> None:
    class Killed(BaseException):
        pass

    def started_then_killed(deployment: str, parameters: dict[str, object], key: str) -> str:
        world.start(deployment, parameters, key)
        raise Killed

    with pytest.raises(Killed):
        retrain(world.context, RETRAIN, _window(DRIFTED), started_then_killed)
    assert retrain(world.context, RETRAIN, _window(DRIFTED), world.start).kind == "resumed"
    assert len(world.started) == 1


def test_two_monitors_at_once_start_one_retraining(world: World) -> None:
    barrier = threading.Barrier(2)
    found: list[str] = []

    def monitor() -> None:
        barrier.wait()
        found.append(retrain(world.context, RETRAIN, _window(DRIFTED), world.start).kind)

    threads = [threading.Thread(target=monitor) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.started) == 1
    assert len(_retrainings(world)) == 1
    assert "started" in found
