"""`spec rollback`: the release before answers again within seconds, and nobody waits meanwhile."""

from __future__ import annotations

import time

import pytest
from asking import client
from stories import UsersProject, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def test_the_release_before_answers_again_and_the_other_one_is_kept_out(
    trips: UsersProject,
) -> None:
    first = trips.production
    trips.ask_for_another_run()
    trips.apply()
    second = trips.production

    with client(trips) as answers:
        until(lambda: answers.good[second] > 0, what="an answer of the release that goes")
        started = time.monotonic()
        back = trips.spec("rollback", "trip", "--why", "complaints", "--as", "ann@example")
        seconds = time.monotonic() - started
        assert back.code == 0, back.all
        until(lambda: answers.good[first] > 0, what="an answer of the release before")
    assert seconds < 60
    assert not answers.failed, answers.words
    assert set(answers.good) == {first, second}
    assert trips.production == first
    assert "rolled back by ann@example: complaints" in trips.spec("status").out

    kept_out = trips.apply(code=4)
    assert f"release {second} was rolled back" in " ".join(kept_out.out.split())
    assert trips.spec("rollback", "trip", "--why", "again").code == 1

    trips.apply("--retry")
    assert trips.production == second
