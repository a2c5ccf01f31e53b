"""The prediction logs of pods, copied to this machine as they grow."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import Final

from mlops_spec.runtime.cluster.objects import Object
from mlops_spec.runtime.cluster.pods import asked, name_of, ready
from mlops_spec.runtime.cluster.server import ApiServer

# Workers of one pod write side by side: one may be this much behind the other (microseconds).
_OVERLAP: Final = 5_000_000
_FILE: Final = re.compile(r"^(\d+)-(\d+)-[0-9a-z]+-[0-9a-z]+\.parquet$")
_PATH: Final = "/internal/predictions"


class PodLogs:
    """The log of one release from a moment on (seconds since 1970), in `folder`."""

    def __init__(self, server: ApiServer, namespace: str, folder: Path, since: float) -> None:
        self._server = server
        self._namespace = namespace
        self._folder = folder
        self._begun = int(since * 1e6)
        self._newest: dict[str, int] = {}

    def collect(self, pods: tuple[Object, ...]) -> None:
        """Copy what is new. OSError when a pod that takes requests does not give its log."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for pod in pods:
            if ready(pod):
                self._collect(name_of(pod))

    def until(self) -> float | None:
        """The moment up to which every answer is here: the slowest pod's; None without any."""
        return min(self._newest.values()) / 1e6 if self._newest else None

    def _collect(self, pod: str) -> None:
        since = max(self._newest.get(pod, 0) - _OVERLAP, self._begun)
        body = asked(self._server, self._namespace, pod, f"{_PATH}?since={since}")
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            for entry in tar:
                span = _FILE.match(entry.name)
                content = tar.extractfile(entry) if entry.isfile() else None
                # What a pod sends is not trusted: a name that is no log file's is left out.
                if span is None or content is None:
                    continue
                place = self._folder / entry.name
                if not place.exists():
                    _write(place, content.read())
                self._newest[pod] = max(self._newest.get(pod, 0), int(span.group(2)))


def _write(place: Path, content: bytes) -> None:
    """A reader sees the whole file or none."""
    beside = place.with_name(f".{place.name}.copy")
    beside.write_bytes(content)
    beside.replace(place)
