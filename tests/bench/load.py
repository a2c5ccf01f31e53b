"""Requests as fast as they are answered, from 8 clients: wrk if it is here, else our own replay."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from measure import Sample

from mlops_spec.runtime.rollout.replay import Replay

CLIENTS: Final = 8
WARM_UP: Final = 1  # seconds
SECONDS: Final = 2
STEADY: Final = 100.0  # requests a second at which the replay takes its latencies
# The bodies in turns; `done` prints what wrk knows more exactly than its own summary does.
SCRIPT: Final = """
local bodies, at = {{}}, 0
for line in io.lines({bodies}) do bodies[#bodies + 1] = line end
local headers = {{["content-type"] = "application/json"}}
function request()
  at = at % #bodies + 1
  return wrk.format("POST", nil, headers, bodies[at])
end
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\\n{{"rate": %.3f, "p50": %.4f, "p99": %.4f, "failed": %d}}\\n',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
"""


def generator() -> str:
    """Which program sends the requests, for the notes of a table."""
    if shutil.which("wrk"):
        return f"load: wrk, one thread, {CLIENTS} connections, as fast as answers come"
    return (
        f"load: our own replay, {CLIENTS} threads (no wrk on PATH; it takes part of the machine); "
        f"latencies at {STEADY:g} requests/s"
    )


def load(url: str, bodies: Sequence[bytes], place: Path) -> Sample:
    """Requests per second, p50 and p99 in ms. `SystemExit` when a request fails."""
    found = _wrk(url, bodies, place) if shutil.which("wrk") else _replay(url, bodies)
    if found["failed"]:
        raise SystemExit(f"{url}: {found['failed']:.0f} requests failed, so the rate means nothing")
    answered = {name: value for name, value in found.items() if name != "failed"}
    # Without an answer in all that time there is no latency to speak of.
    return answered if answered["rate"] else {"rate": 0.0}


def _wrk(url: str, bodies: Sequence[bytes], place: Path) -> Sample:
    (place / "bodies.jsonl").write_bytes(b"\n".join(bodies) + b"\n")
    script = place / "load.lua"
    script.write_text(SCRIPT.format(bodies=json.dumps(str(place / "bodies.jsonl"))))
    found: dict[str, float] = {}
    for seconds in (WARM_UP, SECONDS):
        printed = subprocess.run(
            ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-s", str(script), url],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        found = json.loads(printed.strip().splitlines()[-1])
    return found


def _replay(url: str, bodies: Sequence[bytes]) -> Sample:
    for seconds in (WARM_UP, SECONDS):
        with Replay(url, bodies, 1e6, connections=CLIENTS) as fast:
            fast.wait(seconds)
    with Replay(url, bodies, STEADY, connections=CLIENTS) as steady:
        steady.wait(SECONDS)
    reports = (fast.report(), steady.report())
    return {
        "rate": len(reports[0].sent) / SECONDS,
        "p50": reports[1].quantile(0.5) * 1e3,
        "p99": reports[1].quantile(0.99) * 1e3,
        "failed": sum(one.code != 200 for report in reports for one in report.sent),
    }
