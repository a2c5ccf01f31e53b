"""Under load: a worker killed, a full disk, a new version. Nobody goes without an answer."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from local_router import envoy
from packaged_service import GOOD, Copy, project, released, running
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.rollout.replay import Replay
from mlops_spec.runtime.router.envoy import model_url, publish
from mlops_spec.runtime.service.log_files import read
from mlops_spec.state import Deployment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

SECONDS = float(os.environ.get("MLOPS_SPEC_LOAD_SECONDS", "15"))  # `make soak` asks for 60
RATE = 200.0
OLD, NEW = "0000000000000001", "0000000000000002"
# What Envoy says when a service died under a request. It sends nothing again that the service may
# have seen: whether that is asked once more is for who asked to say.
_DIED = b"upstream connect error"


class Asking:
    """Lines to one URL. A request whose service died under it is sent again, once."""

    def __init__(self, url: str) -> None:
        self.host, _, self.path = url.removeprefix("http://").partition("/")
        self.numbers = itertools.count()
        self.again: list[str] = []
        self.releases: Counter[str] = Counter()
        self.failures: list[str] = []
        self.lock = threading.Lock()

    def line(self) -> Line:
        return Line(self, http.client.HTTPConnection(self.host, timeout=20))


class Line:
    def __init__(self, asking: Asking, connection: http.client.HTTPConnection) -> None:
        self.asking, self.connection = asking, connection

    def post(self, body: bytes) -> int:
        name = f"load-{next(self.asking.numbers)}"
        status, said, release = self._post(body, name)
        if status == 503 and _DIED in said:
            self.asking.again.append(name)
            status, said, release = self._post(body, name)
        with self.asking.lock:
            self.asking.releases[release] += status == 200
            if status != 200:
                self.asking.failures.append(f"{name}: {status} {said[:200]!r}")
        return status

    def _post(self, body: bytes, name: str) -> tuple[int, bytes, str]:
        headers = {"content-type": "application/json", "x-request-id": name}
        self.connection.request("POST", f"/{self.asking.path}predict", body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("x-mlops-release", "")

    def close(self) -> None:
        self.connection.close()


def serve(context: Context, *arms: tuple[str, Copy, float]) -> None:
    publish(
        context.workspace,
        [Deployment("trip", release, "r", "1", "production", weight, port=copy.port)
         for release, copy, weight in arms],
    )  # fmt: skip


def workers_of(copy: Copy) -> list[psutil.Process]:
    return psutil.Process(copy.process.pid).children()


def loaded_once(copy: Copy) -> None:
    """What was loaded, by the process that keeps the workers, is memory of them all."""
    own = [one.memory_full_info().uss for one in workers_of(copy)]
    whole = psutil.Process(copy.process.pid).memory_info().rss
    assert max(own) < whole / 2, (own, whole)


def until_counting(copy: Copy, processes: int) -> None:
    """So many workers have started in all, the dead ones too."""
    folder = Path(copy.environment["PROMETHEUS_MULTIPROC_DIR"])
    deadline = time.monotonic() + 60
    while len(list(folder.glob("histogram_*.db"))) < processes:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with copy.client() as client:
        assert client.get("/readyz").status_code == 200


def counted(copy: Copy) -> dict[str, float]:
    """What all workers counted, the dead ones too, from the files they share."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=copy.environment["PROMETHEUS_MULTIPROC_DIR"])
    return {
        sample.name.removeprefix("mlops_prediction_log_").removesuffix("_total"): sample.value
        for metric in registry.collect() for sample in metric.samples
        if metric.name.startswith("mlops_prediction_log_") and sample.name.endswith("_total")
    }  # fmt: skip


def full_disk(workers: list[psutil.Process], full: bool) -> None:
    """No file may become longer, as on a disk without room."""
    limit = 0 if full else psutil.RLIM_INFINITY
    for worker in workers:
        worker.rlimit(psutil.RLIMIT_FSIZE, (limit, psutil.RLIM_INFINITY))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_worker_a_full_disk_and_a_new_version_cost_no_answer(tmp_path: Path) -> None:
    context = project(tmp_path)
    released(context, OLD)
    released(context, NEW, run="r2", version="8")
    part = SECONDS / 4
    with envoy(context.workspace), running(context, OLD, workers=2) as old:
        serve(context, (OLD, old, 1.0))
        asking = Asking(model_url(context.workspace, "trip"))
        with Replay(asking.line, [json.dumps({"rows": [GOOD]}).encode()], RATE) as load:
            time.sleep(part)
            loaded_once(old)
            workers_of(old)[0].kill()
            time.sleep(part)
            until_counting(old, 3)
            workers = workers_of(old)
            full_disk(workers, True)
            time.sleep(part)
            full_disk(workers, False)
            with running(context, NEW, workers=2) as new:
                serve(context, (OLD, old, 0.5), (NEW, new, 0.5))
                time.sleep(part / 2)
                serve(context, (NEW, new, 1.0))
                old.process.send_signal(signal.SIGTERM)
                assert old.process.wait(30) == 0
                time.sleep(part / 2)
                load.__exit__(None, None, None)
        found = counted(old), counted(new)

    assert not asking.failures, asking.failures[:5]
    assert min(asking.releases[release] for release in (OLD, NEW)) > 0
    # What the killed worker was answering, on eight connections.
    assert len(asking.again) <= 8, asking.again
    check_log(context, asking, *found)


def check_log(
    context: Context, asking: Asking, old: dict[str, float], new: dict[str, float]
) -> None:
    """Every answer is in the log, but for what was counted as dropped or went with the killed."""
    logged = {
        release: len(read(context.workspace.predictions("trip", release), None, None))
        for release in (OLD, NEW)
    }
    assert new == {"given": logged[NEW], "written": logged[NEW], "dropped": 0.0}
    assert logged[NEW] == asking.releases[NEW]
    assert old["written"] == logged[OLD]
    assert 0 < old["dropped"] <= old["given"]
    # A request that was sent again may have been answered to nobody the first time.
    assert 0 <= old["given"] - asking.releases[OLD] <= len(asking.again)
    killed = old["given"] - old["written"] - old["dropped"]
    assert 0 <= killed <= RATE * 3  # of the last second, on a busy machine
