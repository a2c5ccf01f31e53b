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
# More connections, each with a pause between its requests, at half of what was answered before.
PACED_CLIENTS: Final = 32
# The bodies in turns, made into requests before the first is sent: wrk has one thread, and must not
# be what is measured. `done` prints what wrk knows more exactly than its own summary does.
SCRIPT: Final = """
local requests, at = {{}}, 0
function init(args)
  local headers = {{["content-type"] = "application/json"}}
  for line in io.lines({bodies}) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, line)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
{delay}
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\\n{{"rate": %.3f, "p50": %.4f, "p99": %.4f, "failed": %d}}\\n',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
"""
# Milliseconds; spread, so that the connections do not ask together.
DELAY: Final = "function delay() return math.random(0, {twice}) end"


def generator() -> str:
    """Which program sends the requests, for the notes of a table."""
    if shutil.which("wrk"):
        return f"load: wrk, one thread, {CLIENTS} connections, as fast as answers come"
    return (
        f"load: our own replay, {CLIENTS} threads (no wrk on PATH; it takes part of the machine); "
        f"latencies at {STEADY:g} requests/s"
    )


def load(url: str, bodies: Sequence[bytes], place: Path) -> Sample:
    """Requests per second, p50 and p99 in ms; with wrk, p99 at about half of that rate as well.

    `SystemExit` when a request fails.
    """
    if not shutil.which("wrk"):
        return _answered(url, _replay(url, bodies))
    _wrk(url, bodies, place, WARM_UP)
    found = _answered(url, _wrk(url, bodies, place, SECONDS))
    if not found["rate"]:
        return found
    return {**found, "p99 ½": _paced(url, bodies, place, found["rate"] / 2)["p99"]}


def rate(url: str, bodies: Sequence[bytes], place: Path) -> float:
    """Requests per second. NaN without wrk."""
    if not shutil.which("wrk"):
        return float("nan")
    return _answered(url, _wrk(url, bodies, place, SECONDS))["rate"]


def _answered(url: str, found: Sample) -> Sample:
    if found["failed"]:
        raise SystemExit(f"{url}: {found['failed']:.0f} requests failed, so the rate means nothing")
    answered = {name: value for name, value in found.items() if name != "failed"}
    # Without an answer in all that time there is no latency to speak of.
    return answered if answered["rate"] else {"rate": 0.0}


def _paced(url: str, bodies: Sequence[bytes], place: Path, wanted: float) -> Sample:
    """wrk pauses for whole milliseconds, so a slow server is asked by fewer, a fast one by more."""
    clients = max(PACED_CLIENTS, int(wanted * 0.01))
    pause = DELAY.format(twice=round(2e3 * clients / wanted))
    return _answered(url, _wrk(url, bodies, place, SECONDS, clients, pause))


def _wrk(
    url: str, bodies: Sequence[bytes], place: Path, seconds: int, clients: int = CLIENTS,
    delay: str = "",
) -> Sample:  # fmt: skip
    (place / "bodies.jsonl").write_bytes(b"\n".join(bodies) + b"\n")
    script = place / "load.lua"
    script.write_text(SCRIPT.format(bodies=json.dumps(str(place / "bodies.jsonl")), delay=delay))
    printed = subprocess.run(
        ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(script), url],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
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
