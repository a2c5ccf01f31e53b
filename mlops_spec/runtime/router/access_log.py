"""What the router saw: one record a request, read from Envoy's access log as it grows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlops_spec.terms.workspace import Workspace

# Each field is a number or a string in JSON as Envoy types it; `us` is microseconds, because whole
# milliseconds would make a 2 ms service look 50 % slower or faster than it is.
FIELDS: Final = {
    "at": "%START_TIME(%s.%6f)%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "upstream_us": "%COMMON_DURATION(US_TX_BEG:US_RX_END:us)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "grpc": "%GRPC_STATUS_NUMBER%",  # null of anything else; the code of an answered call is 200
}
_SEPARATOR: Final = "--"
_GRPC: Final = ".grpc"
# What gRPC calls a success, and failures of the service; all else is the caller's mistake.
# https://grpc.github.io/grpc/core/md_doc_statuscodes.html
_CODES: Final = {0: 200, 2: 500, 4: 504, 13: 500, 14: 503, 15: 500}
_MISTAKE: Final = 400


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One answered request. `code` is 0 when the client left before an answer; that of a call of
    gRPC is the one of HTTP that says the same.

    `seconds` runs from the request's first byte to the answer's last, as the client's side of the
    router saw it; `at` is the start, in seconds since 1970. The release was asked `attempts` times:
    all but the last found it dying or gone.
    """

    release: str
    code: int
    seconds: float
    request_id: str
    at: float
    attempts: int = 1

    @property
    def failed(self) -> bool:
        """A 5xx, no answer, or none at the first attempt. A 4xx is the client's mistake, whichever
        release says so.
        """
        return self.code == 0 or self.code >= 500 or self.attempts > 1


def cluster_name(model: str, release: str) -> str:
    """The router's name of one release. Releases hold no dash, so the last `--` separates."""
    return f"{model}{_SEPARATOR}{release}"


def grpc_cluster_name(cluster: str) -> str:
    """The router's name of the same release where it answers gRPC."""
    return f"{cluster}{_GRPC}"


def access_log(workspace: Workspace) -> Path:
    return workspace.envoy / "access.log"


def access_log_end(workspace: Workspace) -> int:
    """Where the log ends now, in bytes: the `since` of a reader that wants what comes after."""
    try:
        return access_log(workspace).stat().st_size
    except FileNotFoundError:
        return 0


def arm_requests(
    workspace: Workspace, model: str, since: int = 0
) -> tuple[tuple[AccessRecord, ...], int]:
    """The requests of all releases of a model from byte `since` on, and where to go on next time.

    A last line that Envoy is still writing is left for the next call. A log shorter than `since`
    was rotated meanwhile and is read from its start. Mirrored copies are not in it: their answers
    reach no client; the service's own prediction log has them.
    """
    lines, end = _complete_lines(access_log(workspace), since)
    return tuple(_records(lines, model)), end


def _complete_lines(path: Path, since: int) -> tuple[list[bytes], int]:
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            start = since if since <= size else 0
            stream.seek(start)
            text = stream.read(size - start)
    except FileNotFoundError:
        return [], 0
    whole = text.rfind(b"\n") + 1
    return text[:whole].splitlines(), start + whole


def _records(lines: list[bytes], model: str) -> Iterator[AccessRecord]:
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue  # a line cut by a full disk: the others still count
        record = _record(found, model)
        if record is not None:
            yield record


def _record(found: Any, model: str) -> AccessRecord | None:
    cluster = found.get("cluster") if isinstance(found, dict) else None
    name, separator, release = (cluster or "").rpartition(_SEPARATOR)
    if name != model or not separator:
        return None
    return AccessRecord(
        release=release.removesuffix(_GRPC),
        code=_code(found),
        seconds=_seconds(found),
        request_id=str(found.get("request_id") or ""),
        at=float(found.get("at") or 0),
        attempts=int(found.get("attempts") or 1),
    )


def _code(found: dict[str, Any]) -> int:
    code, status = int(found.get("code") or 0), found.get("grpc")
    if code != 200 or not isinstance(status, int):
        return code
    return _CODES.get(status, _MISTAKE)


def _seconds(found: dict[str, Any]) -> float:
    """Infinite when the answer never ended: a request without an end is no fast request."""
    took = found.get("us")
    return float(took) / 1e6 if took not in (None, "-") else float("inf")
