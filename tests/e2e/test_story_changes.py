"""What changed decides what runs; and two who apply at once do nothing twice."""

from __future__ import annotations

from collections import Counter

import pytest
from stories import UsersProject, ended, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_a_change_does_what_it_means_and_nothing_more(trips: UsersProject) -> None:
    docs(trips)
    monitoring(trips)
    gate(trips)
    service(trips)


def docs(trips: UsersProject) -> None:
    before = trips.snapshot_of_work()
    trips.edit("description: Will .*", "description: Is this trip going to be late?")
    assert "documentation only" in trips.apply().out
    assert trips.snapshot_of_work() == before
    assert "Nothing to do" in trips.apply().out


def monitoring(trips: UsersProject) -> None:
    before = trips.snapshot_of_work()
    trips.edit("min_rows: 100", "min_rows: 120")
    assert "monitoring only" in trips.apply().out
    assert new_steps(before, trips) == {"flows": 1}
    assert trips.snapshot_of_work()[1:] == before[1:]


def gate(trips: UsersProject) -> None:
    before, production = trips.snapshot_of_work(), trips.production
    trips.edit("min: 0.7}", "min: 0.72}")
    assert "gate again on the recorded evidence" in trips.apply().out
    assert new_steps(before, trips) == {"flows": 1, "gate": 1, "register": 1}
    assert trips.versions() == before[1]
    assert trips.production == production


def service(trips: UsersProject) -> None:
    before, production = trips.snapshot_of_work(), trips.production
    trips.edit("timeout: 2s", "timeout: 3s")
    assert "redeploy" in trips.apply().out
    rollout = ["package", "deploy", "shadow", "canary-20", "canary-100", "promote"]
    assert new_steps(before, trips) == {"flows": 1, **dict.fromkeys(rollout, 1)}
    assert trips.versions() == before[1]
    assert trips.releases()["previous"] == [production]


def test_of_two_who_apply_at_once_one_works_and_one_is_told_who(trips: UsersProject) -> None:
    before = trips.snapshot_of_work()
    trips.ask_for_another_run()
    first = trips.start("apply")
    until(lambda: trips.doing("fit") or first.poll() is not None, what="the first one trains")
    second = trips.spec("apply")
    assert second.code == 1
    assert "error MLS601" in second.err
    assert f"spec apply (process {first.pid} on " in second.err
    done = ended(first)
    assert done.code == 0, done.all + trips.logs()
    names = ["check", "split", "fit", "evaluate", "gate", "register"]
    names += ["package", "deploy", "shadow", "canary-20", "canary-100", "promote"]
    assert new_steps(before, trips) == {"flows": 1, **dict.fromkeys(names, 1)}
    assert len(trips.versions()) == len(before[1]) + 1
    assert "Nothing to do" in trips.apply().out


def new_steps(before: tuple[object, ...], trips: UsersProject) -> Counter[str]:
    """How often each step was done since."""
    known = set(before[0])  # type: ignore[call-overload]
    return Counter(name for name, _, status, _ in set(trips.snapshot_of_work()[0]) - known)
