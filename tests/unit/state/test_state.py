"""The state: what was done is done once, a lock is a lease, a retraining is started once."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from mlops_spec.state import (
    Deployment,
    Deployments,
    Journal,
    Lease,
    LeaseHeld,
    Retraining,
    Retrainings,
    StateUnusable,
    Step,
    Store,
    Window,
    Windows,
)
from mlops_spec.state.lease import holder_of
from mlops_spec.state.tables import LEASES


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    store = Store.at(tmp_path / "state.db", clock)
    yield store
    store.close()


def test_a_step_is_recorded_from_its_start_to_its_end(store: Store, clock: Clock) -> None:
    journal = Journal(store, "local")
    journal.start("churn", "fit", "abc", "run1")
    running = journal.find("churn", "fit", "abc")
    clock.now += 5
    journal.finish("churn", "fit", "abc", "done", {"rows": 3, "auc": float("nan")})

    assert running == Step("fit", "abc", "run1", "running", {}, 1000.0, None)
    assert journal.done("churn", "fit", "abc") == Step(
        "fit", "abc", "run1", "done", {"rows": 3, "auc": None}, 1000.0, 1005.0
    )


def test_a_failed_step_is_not_done_and_may_start_again(store: Store) -> None:
    journal = Journal(store, "local")
    journal.start("churn", "fit", "abc", "run1")
    journal.finish("churn", "fit", "abc", "failed", {"code": "MLS602"})
    failed = journal.done("churn", "fit", "abc")
    journal.start("churn", "fit", "abc", "run1")
    journal.finish("churn", "fit", "abc", "done", {})

    assert failed is None
    assert [step.status for step in journal.steps("churn")] == ["done"]


def test_environments_do_not_see_each_others_steps(store: Store) -> None:
    Journal(store, "local").start("churn", "fit", "abc", "run1")

    assert Journal(store, "production").steps("churn") == ()


def test_what_was_applied_last_is_what_is_read(store: Store) -> None:
    journal = Journal(store, "local")
    journal.start("churn", "fit", "abc", "run1")
    journal.record_applied("churn", {"model.name": "churn"})
    journal.record_applied("churn", {"model.name": "churn", "model.owner": "me"})

    assert journal.applied("churn") == {"model.name": "churn", "model.owner": "me"}
    assert journal.models() == ("churn",)


def test_a_lease_that_is_held_says_by_whom_and_what_to_do(store: Store, clock: Clock) -> None:
    with Lease(store, "apply/local", "spec apply"):
        clock.now += 7
        with (
            pytest.raises(LeaseHeld) as caught,
            Lease(store, "apply/local", "a second spec apply"),
        ):
            pass
        holder = holder_of(store, "apply/local")

    assert str(caught.value) == (
        f"spec apply (process {os.getpid()} on {socket.gethostname()}) holds 'apply/local' for "
        "7 s; wait for it, or end that process: the lease ends 23 s after it"
    )
    assert holder == f"spec apply (process {os.getpid()} on {socket.gethostname()})"
    assert holder_of(store, "apply/local") is None


@pytest.mark.parametrize(
    ("host", "pid", "expires_in", "taken"),
    [
        ("this host", "a dead process", 30.0, True),
        ("this host", "a live process", 30.0, False),
        ("this host", "a live process", -1.0, True),
        ("another host", "a dead process", 30.0, False),
        ("another host", "a dead process", -1.0, True),
    ],
)
def test_a_lease_of_a_killed_holder_is_taken_over(
    store: Store, host: str, pid: str, expires_in: float, taken: bool
) -> None:
    with store.begin() as connection:
        connection.execute(
            insert(LEASES).values(
                name="apply/local",
                holder="gone",
                host=socket.gethostname() if host == "this host" else "elsewhere",
                pid=os.getpid() if pid == "a live process" else 2**22 + 1,
                purpose="spec apply",
                acquired_at=900.0,
                expires_at=1000.0 + expires_in,
            )
        )
    try:
        with Lease(store, "apply/local", "spec apply"):
            got = True
    except LeaseHeld:
        got = False

    assert got is taken


def test_a_killed_holder_that_nobody_has_waited_for_holds_nothing(store: Store) -> None:
    with subprocess.Popen(["sleep", "60"]) as holder:
        with store.begin() as connection:
            connection.execute(
                insert(LEASES).values(
                    name="apply/local",
                    holder="killed",
                    host=socket.gethostname(),
                    pid=holder.pid,
                    purpose="spec apply",
                    acquired_at=900.0,
                    expires_at=1030.0,
                )
            )
        assert holder_of(store, "apply/local") is not None
        holder.kill()
        # Seen to be over, but left as it is: a zombie.
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)

        assert holder_of(store, "apply/local") is None


def test_two_threads_never_hold_one_lease(store: Store) -> None:
    held = threading.Semaphore(1)
    overlaps: list[bool] = []
    wins: list[int] = []

    def work() -> None:
        for _ in range(20):
            try:
                with Lease(store, "model/local/churn", "train"):
                    overlaps.append(not held.acquire(blocking=False))
                    wins.append(1)
                    held.release()
            except LeaseHeld:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not any(overlaps)
    assert wins


def test_a_release_keeps_its_since_until_its_role_moves(store: Store, clock: Clock) -> None:
    deployments = Deployments(store, "local")
    release = Deployment("churn", "r1", "run1", "1", "candidate", port=4000)
    deployments.save(release)
    saved = deployments.of("churn")[0]
    clock.now += 60
    deployments.save(
        Deployment("churn", "r1", "run1", "1", "candidate", 0.05, port=4000, since=saved.since)
    )
    same_role = deployments.of("churn")[0]
    deployments.save(Deployment("churn", "r1", "run1", "1", "production", 1.0, port=4000))

    assert (saved.since, same_role.since) == (1000.0, 1000.0)
    assert deployments.production("churn") == Deployment(
        "churn", "r1", "run1", "1", "production", 1.0, False, 4000, "", 1060.0
    )


def _claim(retrainings: Retrainings, trigger: str) -> str | None:
    return retrainings.claim(
        Retraining("churn", trigger, "", "drift"), cooldown=100, budget=2, budget_seconds=1000
    )


def test_a_retraining_is_claimed_once_cools_down_and_has_a_budget(
    store: Store, clock: Clock
) -> None:
    retrainings = Retrainings(store, "local")
    answers = [_claim(retrainings, "window:1"), _claim(retrainings, "window:1")]
    clock.now += 50
    answers.append(_claim(retrainings, "window:2"))
    clock.now += 60
    answers.append(_claim(retrainings, "window:2"))
    clock.now += 200
    answers.append(_claim(retrainings, "window:3"))
    clock.now += 1000
    answers.append(_claim(retrainings, "window:4"))

    assert answers == [
        None,
        "window:1 has started a retraining already",
        "the last retraining was 50 s ago, the cooldown is 100 s",
        None,
        "the budget of 2 in 16.7 min is used up",
        None,
    ]


def test_many_monitors_at_once_start_one_retraining(store: Store) -> None:
    answers: list[str | None] = []
    claim = threading.Thread
    threads = [
        claim(target=lambda: answers.append(_claim(Retrainings(store, "local"), "window:1")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count(None) == 1
    assert len(answers) == 8


def test_a_second_look_at_a_window_replaces_the_first(store: Store) -> None:
    windows = Windows(store, "local")
    windows.save(Window("churn", "r1", 0, 10, "pass", ()))
    windows.save(Window("churn", "r1", 0, 10, "fail", ({"check": "psi"},)))

    assert windows.of("churn") == (
        Window("churn", "r1", 0, 10, "fail", ({"check": "psi"},), 1000.0),
    )


def test_a_state_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Store.at(path).close()
    connection = sqlite3.connect(path)
    connection.execute("update mlops_spec_format set version = 99")
    connection.commit()
    connection.close()

    with pytest.raises(StateUnusable, match="has format 99, this version reads 1; use a newer"):
        Store.at(path)


def test_a_file_that_is_no_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 20)

    with pytest.raises(StateUnusable, match="file is not a database; look at the disk"):
        Store.at(path)
