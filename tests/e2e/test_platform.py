"""The supervisor and the router, for real: programs that die, weights that move under load."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
from scipy.stats import binomtest

from mlops_spec.model.spec.project import EnvironmentSpec
from mlops_spec.runtime.machine import processes
from mlops_spec.runtime.machine.ours import our_processes
from mlops_spec.runtime.machine.ports import port_for
from mlops_spec.runtime.machine.processes import Program, keep, remove
from mlops_spec.runtime.machine.waiting import answers_ok, wait_until_answering
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.router.envoy import access_log_end, arm_requests, model_url, publish
from mlops_spec.state import Deployment
from mlops_spec.targets import programs
from mlops_spec.targets.supervisor import ensure_supervisor, stop_supervisor
from mlops_spec.terms.workspace import Workspace

pytestmark = pytest.mark.e2e

SPEC = EnvironmentSpec.model_validate(
    {"serve": {"on": "processes", "router": "envoy"}, "registry": "http://127.0.0.1:1",
     "orchestrator": "http://127.0.0.1:1/api"}
)  # fmt: skip

BACKEND = """
import asyncio, sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/slow":
        print("slow begins", flush=True)
        await asyncio.sleep(1.5)
    headers = [(k, v) for k, v in scope["headers"] if k.startswith(b"x-")]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"|".join(b"=".join(h) for h in headers)})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", lifespan="off")
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    # Deep, and with what supervisor's own format would read as a comment or a variable.
    found = Workspace.of(tmp_path / "deep" / ("x" * 90) / "a ;b %d #c", "local")
    found.root.mkdir(parents=True)
    ensure_supervisor(found)
    yield found
    stop_supervisor(found)


def sleeper(name: str, seconds: int = 1000, **environment: str) -> Program:
    return Program(
        name, ("sh", "-c", f'echo "$WORD"; exec sleep {seconds}'), Path("/"), environment
    )


def until(check: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "this did not happen"
        time.sleep(0.05)


def pids(workspace: Workspace) -> dict[str, int | None]:
    return {process.name: process.pid for process in processes.processes(workspace)}


def test_a_changed_program_is_the_only_one_that_restarts(workspace: Workspace) -> None:
    word = "quotes \" ' ;semi #hash %percent"
    assert keep(workspace, sleeper("one", WORD=word)) is True
    keep(workspace, sleeper("two"))
    before = pids(workspace)
    assert keep(workspace, sleeper("one", WORD=word)) is False
    assert pids(workspace) == before
    until(lambda: processes.log_tail(workspace, "one") == (word,))

    assert keep(workspace, sleeper("one", seconds=999)) is True
    after = pids(workspace)
    assert after["two"] == before["two"]
    assert after["one"] != before["one"]
    assert remove(workspace, "one") is True
    assert pids(workspace) == {"two": before["two"]}


def test_a_program_that_keeps_ending_is_reported_with_its_last_words(workspace: Workspace) -> None:
    keep(workspace, Program("bad", ("sh", "-c", "echo no such model; exit 3"), Path("/")))
    with pytest.raises(Refusal) as refused:
        wait_until_answering(workspace, {"bad": lambda: False}, timeout=120)
    assert (refused.value.code, refused.value.message) == (
        "MLS605", "bad ends as soon as it is started",
    )  # fmt: skip
    assert set(refused.value.details) == {"no such model"}


def test_after_a_killed_supervisor_its_programs_are_replaced_and_no_others(
    workspace: Workspace,
) -> None:
    keep(workspace, sleeper("one"))
    stranger = psutil.Popen(["sleep", "1000"])
    try:
        until(lambda: pids(workspace)["one"] is not None)
        orphan = pids(workspace)["one"]
        assert orphan is not None
        os.kill(int((workspace.supervisor / "supervisord.pid").read_text()), signal.SIGKILL)
        until(lambda: not processes.answers(workspace))
        assert [process.pid for process in our_processes(workspace)] == [orphan]

        assert ensure_supervisor(workspace) is True
        assert not psutil.pid_exists(orphan)
        until(lambda: pids(workspace)["one"] is not None)
        assert stranger.is_running()
        assert stop_supervisor(workspace) == ("one",)
        assert our_processes(workspace) == ()
        assert stranger.is_running()
    finally:
        stranger.kill()
        stranger.wait()


def deployment(
    workspace: Workspace, release: str, weight: float, mirror: bool = False
) -> Deployment:
    port = port_for(workspace, f"m-{release}")
    role = "production" if release == "old" else "candidate"
    return Deployment("m", release, "run", "1", role, weight, mirror, port)


def start_arm(workspace: Workspace, release: str) -> None:
    port = port_for(workspace, f"m-{release}")
    keep(
        workspace,
        Program(f"m-{release}", (sys.executable, "-c", BACKEND, str(port)), workspace.root),
    )
    wait_until_answering(
        workspace, {f"m-{release}": lambda: answers_ok(f"http://127.0.0.1:{port}/")}
    )


def start_router(workspace: Workspace, *deployments: Deployment) -> None:
    (router,) = programs.servers(workspace, (programs.ROUTER,), deployments)
    keep(workspace, router.program)
    wait_until_answering(workspace, {"router": lambda: answers_ok(router.health)})
    publish(workspace, deployments)


class Load:
    """Clients that send all the time, and count what they get by release and code."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._clients = [threading.Thread(target=self._send) for _ in range(4)]

    def __enter__(self) -> Load:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for client in self._clients:
            client.join()

    def _send(self) -> None:
        with httpx.Client(timeout=60) as client:
            while not self._stop.is_set():
                answer = client.get(self.url)
                release = answer.headers.get("x-mlops-release", "none")
                with self._lock:
                    self.seen[release, answer.status_code] += 1

    def next(self, requests: int = 400) -> Counter[tuple[str, int]]:
        """What the next requests get."""
        before = self._so_far()
        wanted = before.total() + requests
        until(lambda: self._so_far().total() >= wanted)
        return self._so_far() - before

    def _so_far(self) -> Counter[tuple[str, int]]:
        with self._lock:
            return self.seen.copy()


def assert_share(count: int, total: int, share: float) -> None:
    """The router draws for every request: so far off is one run in a hundred million."""
    assert binomtest(count, total, share).pvalue > 1e-8, (count, total, share)


def test_weights_move_and_arms_go_without_a_failed_answer(workspace: Workspace) -> None:
    start_arm(workspace, "old")
    start_arm(workspace, "new")
    start_router(workspace, deployment(workspace, "old", 1.0))
    url = model_url(workspace, "m")
    start = access_log_end(workspace)
    with Load(url) as load:
        assert set(load.next()) == {("old", 200)}
        for share in (0.05, 0.25, 1.0, 0.25):
            publish(workspace, [
                deployment(workspace, "old", 1 - share), deployment(workspace, "new", share),
            ])  # fmt: skip
            load.next(50)  # what was on its way
            seen = load.next(800)
            assert seen.total() == seen["old", 200] + seen["new", 200]
            assert_share(seen["new", 200], seen.total(), share)
        ask = partial(httpx.get, f"{url}slow", timeout=60)
        slow = threading.Thread(target=lambda: answers.append(ask()))
        answers: list[httpx.Response] = []
        publish(workspace, [deployment(workspace, "new", 1.0)])
        load.next(50)
        slow.start()
        until(lambda: "slow begins" in processes.log_tail(workspace, "m-new"))
        publish(workspace, [deployment(workspace, "old", 1.0)])
        slow.join()
        assert [(a.status_code, a.headers["x-mlops-release"]) for a in answers] == [(200, "new")]
        remove(workspace, "m-new")
        load.next()
    assert {code for _, code in load.seen} == {200}

    def logged() -> Counter[tuple[str, int]]:
        records, _ = arm_requests(workspace, "m", start)
        return Counter((record.release, record.code) for record in records)

    until(lambda: logged().total() == load.seen.total() + 1)
    assert logged() == load.seen + Counter({("new", 200): 1})


def test_a_killed_candidate_fails_only_its_own_share(workspace: Workspace) -> None:
    start_arm(workspace, "old")
    start_arm(workspace, "new")
    arms = [deployment(workspace, "old", 0.75), deployment(workspace, "new", 0.25)]
    start_router(workspace, *arms)
    with Load(model_url(workspace, "m")) as load:
        load.next()
        remove(workspace, "m-new")
        seen = load.next()
        publish(workspace, [deployment(workspace, "old", 1.0)])
        load.next(50)
        assert set(load.next()) == {("old", 200)}
    assert seen["new", 503] > 0
    assert {release for release, code in load.seen if code != 200} == {"new"}


def test_a_shadow_gets_every_request_under_the_same_id_and_answers_nobody(
    workspace: Workspace,
) -> None:
    start_arm(workspace, "old")
    start_arm(workspace, "new")
    shadow = deployment(workspace, "new", 0.0, mirror=True)
    start_router(workspace, deployment(workspace, "old", 1.0), shadow)
    answer = httpx.get(model_url(workspace, "m"), headers={"x-request-id": "mine"})
    assert answer.headers["x-request-id"] == "mine"
    assert "x-request-id=mine" in answer.text.split("|")
    assert "x-mlops-release=old" in answer.text.split("|")
    assert "x-mlops-shadow=1" not in answer.text.split("|")


def test_a_configuration_that_the_router_refuses_is_reported_in_its_words(
    workspace: Workspace,
) -> None:
    start_arm(workspace, "old")
    good = deployment(workspace, "old", 1.0)
    start_router(workspace, good)
    with pytest.raises(Refusal) as refused:
        publish(workspace, [Deployment("m", "bad", "run", "1", "candidate", 1.0, port=99_999)], 6.0)
    assert refused.value.message.startswith("the router (Envoy) did not take clusters.json: ")
    assert "PortValue" in refused.value.message
    assert httpx.get(model_url(workspace, "m")).headers["x-mlops-release"] == "old"
    publish(workspace, [good])
