"""A test cluster whose pods are real services of this machine: one process an image."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from cluster_api import Cluster
from cluster_pods import owner_of

WORKSPACE = "MLOPS_SPEC_WORKSPACE"


@dataclass
class Machine:
    """What nodes and a registry are elsewhere."""

    cluster: Cluster
    model: str
    folder_of: Callable[[str], Path] = Path  # what the image of a release holds
    ports: dict[str, int] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def push(self, folder: Path) -> str:
        """An image by digest, of what a build of this folder would hold."""
        digest = hashlib.sha256(str(folder).encode()).hexdigest()
        image = f"registry.test/ml/{self.model}@sha256:{digest}"
        self.pull(image, folder)
        return image

    def pull(self, image: str, folder: Path) -> None:
        """Run a service as an image of this folder would."""
        port = _free_port()
        command = (
            sys.executable, "-m", "uvicorn", "service:app", "--app-dir", str(folder),
            "--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning",
        )  # fmt: skip
        # As the manifest says: a workspace of the pod's own, and its log for who judges.
        place = folder.parent / "pod" / ".spec" / "local"
        environment = {**os.environ, WORKSPACE: str(place), "MLOPS_SPEC_SHARE_LOG": "1"}
        self.processes.append(subprocess.Popen(command, cwd=folder, env=environment))
        self.ports[image] = port
        deadline = time.monotonic() + 120
        while _asked(port, "/readyz")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def answering(self, pod: str, path: str, body: bytes) -> tuple[int, bytes]:
        found = self.cluster.find("Pod", pod)
        if found is None:
            return 404, b"{}"
        return _asked(self.port_of(found), path, body)

    def port_of(self, pod: dict) -> int:
        image = pod["status"]["containerStatuses"][0]["image"]
        if image not in self.ports:
            self.pull(image, self.folder_of(pod["metadata"]["labels"]["mlops-spec/release"]))
        return self.ports[image]

    def ask(self, body: bytes) -> int:
        """One request through the route, to a ready pod of the Service that its weights choose."""
        with self.cluster.lock:
            route = self.cluster.find("HTTPRoute", self.model)
            backends = route["spec"]["rules"][0]["backendRefs"] if route else []
            if not backends:
                return 0
            weights = [one["weight"] for one in backends]
            name = random.choices([one["name"] for one in backends], weights)[0]
            pods = [o for k, o in self.cluster.objects.items()
                    if k[1] == "Pod" and owner_of(o) == name
                    and o["status"]["containerStatuses"][0]["ready"]]  # fmt: skip
            if not pods:
                return 503
            # Chosen while nobody else moves: a pod that goes from now on still answers this.
            port = self.port_of(pods[0])
        return _asked(port, "/predict", body, within=60.0)[0]

    @contextmanager
    def users(self, bodies: Sequence[bytes], per_second: float = 60.0) -> Iterator[list[int]]:
        """Requests at a steady rate, one after the other, and the codes of their answers."""
        codes: list[int] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.wait(1 / per_second):
                codes.append(self.ask(bodies[len(codes) % len(bodies)]))

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield codes
        finally:
            stop.set()
            thread.join()

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
            process.wait(60)


def _asked(port: int, path: str, body: bytes = b"", within: float = 10.0) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body or None, {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=within) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def _free_port() -> int:
    with socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
