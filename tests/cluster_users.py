"""Users of a test cluster: requests follow the route's weights to ready pods, which count them."""

from __future__ import annotations

import json
import os
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cluster_api import Cluster

from mlops_spec.runtime.service.log_files import replace_file, spanning
from mlops_spec.runtime.service.log_table import Answered, Identity, table_of
from mlops_spec.runtime.service.shared_log import packed

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


@dataclass
class Users:
    """`errors`: every n-th answer of an image is a 500. `seconds`: how long its answers take."""

    cluster: Cluster
    model: str
    errors: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    codes: dict[str, Counter] = field(default_factory=dict)
    buckets: dict[str, Counter] = field(default_factory=dict)
    moved: dict[str, float] = field(default_factory=dict)  # what is added to an image's scores
    logged: dict[str, list] = field(default_factory=dict)
    files: int = 0
    clock: Callable[[], float] = time.time
    unanswered: int = 0
    asked: int = 0

    def ask(self, n: int) -> None:
        """n requests through the route, spread evenly."""
        route = self.cluster.find("HTTPRoute", self.model)
        with self.cluster.lock:
            self.cluster.control()
            backends = route["spec"]["rules"][0]["backendRefs"]
            whole = sum(one["weight"] for one in backends)
            filters = route["spec"]["rules"][0].get("filters", [])
            copies = [one["requestMirror"]["backendRef"]["name"] for one in filters
                      if one["type"] == "RequestMirror"]  # fmt: skip
            for number in range(self.asked, self.asked + n):
                for name in copies:
                    self._answer(name, number)
                at = (number * 617) % whole
                for one in backends:
                    if at < one["weight"]:
                        self._answer(one["name"], number)
                        break
                    at -= one["weight"]
            self.asked += n

    def _answer(self, service: str, number: int) -> None:
        pods = [o for k, o in sorted(self.cluster.objects.items()) if k[1] == "Pod"
                and o["metadata"]["ownerReferences"][0]["name"] == service
                and o["status"]["containerStatuses"][0]["ready"]]  # fmt: skip
        if not pods:
            self.unanswered += 1
            return
        pod = pods[number % len(pods)]["metadata"]["name"]
        if self.count(pod, number) == 200:
            self.log(pod, number)

    def log(self, pod: str, number: int) -> None:
        """Keep an answer for the prediction log; the score is the request's, moved by its image."""
        wall = self.clock()
        score = (number * 37 % 1000) / 1000 + self.moved.get(self.image(pod), 0.0)
        self.logged.setdefault(pod, []).append((wall, f"id-{number}", score))

    def count(self, pod: str, number: int) -> int:
        image = self.image(pod)
        every = self.errors.get(image, 0)
        code = 500 if every and number % every == 0 else 200
        self.codes.setdefault(pod, Counter())[code] += 1
        edge = bisect_left(EDGES, self.seconds.get(image, 0.02))
        self.buckets.setdefault(pod, Counter())[edge] += 1
        return code

    def tar(self, pod: str) -> bytes:
        """What was logged since the last look, as the service packs it."""
        rows, self.logged[pod] = self.logged.get(pod, []), []
        with tempfile.TemporaryDirectory() as place:
            if rows:
                self.files += 1
                walls = [int(wall * 1e6) for wall, _, _ in rows]
                name = spanning(min(walls), max(walls), f"{os.getpid()}-{self.files:06d}")
                said = [
                    Answered(wall, id, "", False, ["k"], [None], [()], [score], [str(score > 0.5)])
                    for wall, id, score in rows
                ]
                identity = Identity(self.model, "1", self.release(pod))
                replace_file(Path(place) / name, table_of(said, identity, {}))
            return packed(Path(place), 0)

    def image(self, pod: str) -> str:
        found = self.cluster.find("Pod", pod)
        return found["status"]["containerStatuses"][0]["image"]

    def release(self, pod: str) -> str:
        return self.cluster.find("Pod", pod)["metadata"]["labels"]["mlops-spec/release"]

    def answering(self, pod: str, path: str, body: bytes) -> tuple[int, bytes]:
        """What a pod says to whom asks it through the API server."""
        if self.cluster.find("Pod", pod) is None:
            return 404, b"{}"
        if path == "/metrics":
            return 200, self.metrics(pod).encode()
        if path.startswith("/internal/predictions"):
            return 200, self.tar(pod)
        self.count(pod, 1)
        said = {"release": self.release(pod), "predictions": [{"score": 0.5}]}
        return 200, json.dumps(said).encode()

    def metrics(self, pod: str) -> str:
        labels = f'model="{self.model}",release="{self.release(pod)}"'
        lines = ["# TYPE mlops_requests_total counter"]
        for code, n in self.codes.get(pod, Counter()).items():
            lines.append(f'mlops_requests_total{{{labels},code="{code}"}} {n}.0')
        lines.append("# TYPE mlops_request_seconds histogram")
        below, buckets = 0, self.buckets.get(pod, Counter())
        for number, edge in enumerate((*EDGES, "+Inf")):
            below += buckets[number]
            lines.append(f'mlops_request_seconds_bucket{{{labels},le="{edge}"}} {below}.0')
        lines.append(f"mlops_request_seconds_count{{{labels}}} {below}.0")
        lines.append(f"mlops_request_seconds_sum{{{labels}}} 0.0")
        return "\n".join(lines) + "\n"
