"""Following a flow: joined when it goes on, given up when its process is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mlops_spec.apply.events import Event, Note, StepSeen
from mlops_spec.apply.follow import (
    ONCE_IT_RUNS,
    SILENCE,
    UNTIL_IT_RUNS,
    UNTIL_SERVED,
    FlowFailed,
    FlowRequest,
    Watch,
    run_flow,
)
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Journal, Store
from mlops_spec.state.lease import HEARTBEAT
from mlops_spec.targets.orchestrator import FlowRun, NotServed

REQUEST = FlowRequest("local", "key", {})
GOING = FlowRun("1", False, False, "Pending: ")
RUNNING = FlowRun("1", False, False, "Running: ", running=True)
DONE = FlowRun("1", True, True, "Completed: ")
CRASHED = FlowRun("1", True, False, "Crashed: killed")
BROKEN = Refusal("MLS605", "flows-churn does not stay up", "mend it")


@dataclass
class Runs:
    """An orchestrator that answers from a script."""

    started: list[FlowRun]
    looks: list[FlowRun]
    calls: list[str] = field(default_factory=list)

    def start(self, deployment: str, parameters: dict[str, Any], key: str) -> FlowRun:
        self.calls.append(f"start {deployment} {key}")
        return self.started.pop(0)

    def look(self, id: str) -> FlowRun:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def give_up(self, id: str, reason: str) -> None:
        self.calls.append(f"give up {id}: {reason}")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    store = Store.at(tmp_path / "state.db")
    yield Journal(store, "local")
    store.close()


def _watch(journal: Journal, told: list[Event], holder: str | None = None) -> Watch:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += max(seconds, 1.0)

    return Watch(journal, lambda _: holder, told.append, sleep=sleep, clock=lambda: now[0])


def test_a_fresh_run_is_followed_to_its_end_and_its_steps_are_told(journal: Journal) -> None:
    told: list[Event] = []
    runs = Runs([GOING], [GOING, DONE])
    journal.start("churn", "old", "o", "r")
    watch = _watch(journal, told)

    def sleep(_: float) -> None:
        if not journal.find("churn", "fit", "k"):
            journal.start("churn", "fit", "k", "r")

    run_flow(runs, replace(watch, sleep=sleep), "churn", "train", REQUEST)

    assert runs.calls == ["start churn-train/local key-0"]
    assert [(type(event), event.step.step) for event in told if isinstance(event, StepSeen)] == [
        (StepSeen, "fit")
    ]


def test_a_run_that_goes_on_is_joined(journal: Journal) -> None:
    told: list[Event] = []
    runs = Runs([replace(GOING, fresh=False)], [GOING, DONE])
    run_flow(runs, _watch(journal, told, holder="somebody"), "churn", "train", REQUEST)

    assert runs.calls == ["start churn-train/local key-0"]
    assert told == [Note("joined the run of churn-train/local that goes on already")]


def test_an_ended_attempt_is_followed_by_a_new_one(journal: Journal) -> None:
    runs = Runs([replace(CRASHED, fresh=False), GOING], [DONE])
    run_flow(runs, _watch(journal, []), "churn", "train", REQUEST)

    assert runs.calls == ["start churn-train/local key-0", "start churn-train/local key-1"]


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [
        ([GOING], UNTIL_IT_RUNS),
        ([RUNNING], HEARTBEAT),
        ([GOING] * 18 + [RUNNING], 18 + HEARTBEAT),
    ],
    ids=["waits", "runs", "begins late"],
)
def test_a_run_whose_process_is_gone_is_given_up_and_started_again(
    journal: Journal, looks: list[FlowRun], seconds: float
) -> None:
    runs = Runs([replace(GOING, fresh=False), replace(GOING, id="2")], looks)
    watch = _watch(journal, [])
    given_up: list[float] = []

    def give_up(id: str, reason: str) -> None:
        given_up.append(watch.clock())
        runs.calls.append(f"give up {id}: {reason}")
        runs.looks = [DONE]

    runs.give_up = give_up  # type: ignore[method-assign]
    run_flow(runs, watch, "churn", "train", REQUEST)

    assert runs.calls == [
        "start churn-train/local key-0",
        "give up 1: its process is gone",
        "start churn-train/local key-1",
    ]
    assert given_up == [pytest.approx(seconds, abs=1)]


def test_a_run_that_shows_itself_late_is_joined(journal: Journal) -> None:
    told: list[Event] = []
    runs = Runs([replace(GOING, fresh=False)], [RUNNING] * 12 + [DONE])
    watch = _watch(journal, told)
    watch = replace(watch, holder=lambda _: "somebody" if watch.clock() > HEARTBEAT - 1 else None)
    run_flow(runs, watch, "churn", "train", REQUEST)

    assert told == [Note("joined the run of churn-train/local that goes on already")]


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [([GOING], SILENCE), ([RUNNING], ONCE_IT_RUNS), ([GOING] * 40 + [RUNNING], 40 + ONCE_IT_RUNS)],
    ids=["waits", "runs", "begins late"],
)
def test_a_run_that_gives_no_sign_of_life_is_given_up(
    journal: Journal, looks: list[FlowRun], seconds: float
) -> None:
    runs = Runs([GOING], looks)
    watch = _watch(journal, [])
    with pytest.raises(FlowFailed, match="no sign of life for"):
        run_flow(runs, watch, "churn", "train", REQUEST)

    assert watch.clock() == pytest.approx(seconds, abs=2)
    assert runs.calls[-1] == "give up 1: no sign of life"


def test_a_run_whose_runner_dies_with_it_is_given_up_long_before_a_silent_one(
    journal: Journal,
) -> None:
    runs = Runs([GOING], [RUNNING])
    watch = _watch(journal, [])
    watch = replace(watch, holder=lambda _: "the flow" if watch.clock() < 30 else None)
    with pytest.raises(FlowFailed, match="no sign of life for 15 s"):
        run_flow(runs, watch, "churn", "train", REQUEST)

    assert watch.clock() == pytest.approx(30 + ONCE_IT_RUNS, abs=2)


def test_a_run_that_ends_badly_is_a_failure_with_its_last_word(journal: Journal) -> None:
    with pytest.raises(FlowFailed, match="Crashed: killed"):
        run_flow(Runs([GOING], [CRASHED]), _watch(journal, []), "churn", "train", REQUEST)


def test_a_run_that_cannot_begin_is_given_up_at_once_with_what_keeps_it(journal: Journal) -> None:
    runs = Runs([GOING], [GOING])
    watch = replace(_watch(journal, []), silence=3600)
    watch = replace(watch, trouble=lambda: BROKEN if watch.clock() > 5 else None)
    with pytest.raises(FlowFailed, match="does not stay up") as failed:
        run_flow(runs, watch, "churn", "train", REQUEST)

    assert failed.value.why is BROKEN
    assert watch.clock() < 8
    assert runs.calls[-1] == "give up 1: flows-churn does not stay up"


def test_a_run_that_goes_on_is_not_stopped_by_what_became_of_its_server(journal: Journal) -> None:
    runs = Runs([GOING], [RUNNING] * 600 + [DONE])
    watch = replace(_watch(journal, [], holder="the flow"), trouble=lambda: BROKEN)
    run_flow(runs, watch, "churn", "train", REQUEST)

    assert watch.clock() > 600


@pytest.mark.parametrize("trouble", [None, BROKEN], ids=["nobody knows why", "its server ends"])
def test_a_flow_that_nobody_serves_is_waited_for_but_not_for_ever(
    journal: Journal, trouble: Refusal | None
) -> None:
    class Unserved(Runs):
        def start(self, deployment: str, parameters: dict[str, Any], key: str) -> FlowRun:
            if watch.clock() < served:
                raise NotServed(deployment)
            return super().start(deployment, parameters, key)

    served = 30.0
    watch = _watch(journal, [])
    run_flow(Unserved([GOING], [DONE]), watch, "churn", "train", REQUEST)
    assert watch.clock() >= 30

    served = 1e9
    watch = replace(_watch(journal, []), trouble=lambda: trouble)
    with pytest.raises(FlowFailed) as failed:
        run_flow(Unserved([], []), watch, "churn", "train", REQUEST)
    assert failed.value.why is trouble
    assert watch.clock() == pytest.approx(0 if trouble else UNTIL_SERVED, abs=2)
