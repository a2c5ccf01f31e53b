"""What the router asks again, what it never does, and what a rollout makes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from local_router import Service, envoy, service, until

from mlops_spec.runtime.declare import Limits
from mlops_spec.runtime.rollout.evidence import CanarySight
from mlops_spec.runtime.rollout.judge import Levels, judge_canary, together
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.router.access_log import AccessRecord, arm_requests
from mlops_spec.runtime.router.envoy import model_url, publish
from mlops_spec.runtime.service.arriving import MAX_BODY_BYTES
from mlops_spec.state import Deployment
from mlops_spec.terms.verdict import Outcome
from mlops_spec.terms.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ANSWERS = "await answered(send, 200, b'%d' % len(body))"
DIES = "os._exit(1)"
DIES_ONCE = f"if once('death'):\n    os._exit(1)\n{ANSWERS}"
DIES_OF_POISON = f"if body == b'poison':\n    os._exit(1)\n{ANSWERS}"
SAYS_500 = "await answered(send, 500, b'mine')"
SAYS_503 = "await answered(send, 503, b'too many')"
# Of so many, one of two arms gets fewer than two once in ten thousand million runs.
MANY = 40
RELEASE = Release("m", "new", "run", "2", production="old")
LIMITS = Limits(errors=0.01, p99=0.5, score_shift=None)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    found = Workspace.of(tmp_path, "local")
    found.root.mkdir(parents=True)
    with envoy(found):
        yield found


def arm(found: Service, name: str, weight: float, mirror: bool = False) -> Deployment:
    role = "production" if name == "old" else "candidate"
    return Deployment("m", name, "run", "1", role, weight, mirror, found.port)


def ask(workspace: Workspace, body: bytes = b"x") -> httpx.Response:
    return httpx.post(f"{model_url(workspace, 'm')}predict", content=body, timeout=90)


def records(workspace: Workspace, count: int) -> list[AccessRecord]:
    until(lambda: len(arm_requests(workspace, "m")[0]) >= count)
    return list(arm_requests(workspace, "m")[0])


def test_a_request_whose_worker_died_is_answered_and_counts_as_a_failure(
    tmp_path: Path, workspace: Workspace
) -> None:
    with service(tmp_path / "old", DIES_ONCE) as old:
        publish(workspace, [arm(old, "old", 1.0)])
        answers = [ask(workspace) for _ in range(3)]
        seen = records(workspace, 3)

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [(one.code, one.failed, one.attempts > 1) for one in seen] == [
        (200, True, True), (200, False, False), (200, False, False),
    ]  # fmt: skip


def test_a_copy_that_died_whole_is_waited_for_until_it_is_there_again(
    tmp_path: Path, workspace: Workspace
) -> None:
    with service(tmp_path / "old", ANSWERS) as old:
        publish(workspace, [arm(old, "old", 1.0)])
    with ThreadPoolExecutor() as asking:
        answer = asking.submit(ask, workspace)
        with service(tmp_path / "again", ANSWERS, port=old.port):
            assert answer.result().status_code == 200
    (seen,) = records(workspace, 1)
    assert seen.failed


@pytest.mark.parametrize("says", [SAYS_500, SAYS_503])
def test_an_answer_is_passed_on_whatever_it_says(
    tmp_path: Path, workspace: Workspace, says: str
) -> None:
    with service(tmp_path / "old", ANSWERS) as old, service(tmp_path / "new", says) as new:
        publish(workspace, [arm(old, "old", 0.0), arm(new, "new", 1.0)])
        answer = ask(workspace)
        (seen,) = records(workspace, 1)

    assert (answer.status_code, answer.text) in {(500, "mine"), (503, "too many")}
    assert (seen.release, seen.code, seen.attempts, seen.failed) == (
        "new", answer.status_code, 1, True,
    )  # fmt: skip
    assert (old.noted(), len(new.noted())) == ([], 1)


@pytest.mark.slow
def test_a_release_that_dies_of_every_request_fails_its_canary_and_nobody_elses(
    tmp_path: Path, workspace: Workspace
) -> None:
    with service(tmp_path / "old", ANSWERS) as old, service(tmp_path / "new", DIES) as new:
        publish(workspace, [arm(old, "old", 0.5), arm(new, "new", 0.5)])
        sight = CanarySight(workspace, RELEASE, 0.5)
        codes = [
            (a.headers["x-mlops-release"], a.status_code) for a in map(ask, [workspace] * MANY)
        ]
        until(lambda: sight.count() >= codes.count(("new", 503)))
        verdicts = judge_canary(sight.arms(), LIMITS, Levels(1, 0.005, None))

    assert set(codes) == {("old", 200), ("new", 503)}
    assert together(verdicts) is Outcome.FAIL
    assert (sight.arms().candidate.failed, sight.count()) == (codes.count(("new", 503)),) * 2


@pytest.mark.slow
def test_a_release_that_dies_now_and_then_answers_and_fails_its_canary(
    tmp_path: Path, workspace: Workspace
) -> None:
    """The second attempt is answered, so that no client sees what the rollout must."""
    sometimes = f"if len(open({str(tmp_path)!r} + '/new/noted').readlines()) % 3 == 0:\n"
    with service(tmp_path / "new", f"{sometimes}    os._exit(1)\n{ANSWERS}", workers=2) as new:
        publish(workspace, [arm(new, "new", 1.0)])
        sight = CanarySight(workspace, RELEASE, 1.0)
        codes = {ask(workspace).status_code for _ in range(24)}
        until(lambda: sight.count() >= 24)
        verdicts = judge_canary(sight.arms(), LIMITS, Levels(1, 0.005, None))

    assert codes == {200}
    assert sight.arms().candidate.failed >= 6
    assert {one.check: one.outcome for one in verdicts}["errors"] is Outcome.FAIL


def test_a_request_that_workers_die_of_is_not_asked_without_end(
    tmp_path: Path, workspace: Workspace
) -> None:
    with service(tmp_path / "old", DIES_OF_POISON, workers=2) as old:
        publish(workspace, [arm(old, "old", 1.0)])
        answer = ask(workspace, b"poison")
        until(lambda: ask(workspace).status_code == 200)

    assert answer.status_code == 503
    assert answer.json()["error"].startswith("workers died while they answered this request")
    assert 2 <= sum(size == len("poison") for _, size in old.noted()) <= 3


def test_the_largest_body_is_asked_again_and_copied_whole(
    tmp_path: Path, workspace: Workspace
) -> None:
    largest = bytes(MAX_BODY_BYTES)
    with service(tmp_path / "old", DIES_ONCE) as old, service(tmp_path / "new", ANSWERS) as new:
        publish(workspace, [arm(old, "old", 1.0), arm(new, "new", 0.0, mirror=True)])
        answer = ask(workspace, largest)
        until(lambda: bool(new.noted()))

    assert (answer.status_code, answer.text) == (200, str(MAX_BODY_BYTES))
    assert [size for _, size in new.noted()] == [MAX_BODY_BYTES]


def test_a_copy_is_sent_once_whatever_becomes_of_it(tmp_path: Path, workspace: Workspace) -> None:
    with service(tmp_path / "old", ANSWERS) as old, service(tmp_path / "new", DIES) as new:
        publish(workspace, [arm(old, "old", 1.0), arm(new, "new", 0.0, mirror=True)])
        answers = [ask(workspace).status_code]
        until(lambda: bool(new.noted()))
        time.sleep(1.0)
        seen = records(workspace, 1)

    assert answers == [200]
    assert len(new.noted()) == 1
    assert [(one.release, one.attempts) for one in seen] == [("old", 1)]
