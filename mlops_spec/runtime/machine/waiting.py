"""The one loop that waits for programs to answer."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Final

from mlops_spec.runtime.machine.processes import Process, log_of, log_tail, processes
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.workspace import Workspace

Check = Callable[[], bool]
Report = Callable[[str, float], None]  # the program's name, and after how many seconds it answered

_POLL: Final = 0.1
_ATTEMPTS: Final = 3  # a program that was started this often and still does not answer is broken


def answers_ok(url: str, timeout: float = 2.0) -> bool:
    """Whether a GET is answered with a 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310  # ours or the spec's
            return 200 <= int(answer.status) < 300
    except (urllib.error.URLError, OSError, ValueError):
        return False


def wait_until_answering(
    workspace: Workspace,
    checks: Mapping[str, Check],
    timeout: float = 90.0,
    report: Report = lambda _name, _seconds: None,
) -> None:
    """Return when every program passes its check; they are asked in turns, so the slowest decides.

    `Refusal` MLS605 with the last lines of a program's log when it keeps ending, or when `timeout`
    seconds are over.
    """
    started = time.monotonic()
    waiting = dict(checks)
    seen: dict[str, set[int]] = {name: set() for name in checks}
    while True:
        for name in [name for name, check in waiting.items() if check()]:
            del waiting[name]
            report(name, time.monotonic() - started)
        if not waiting:
            return
        _stop_if_broken(workspace, waiting, seen)
        if time.monotonic() - started > timeout:
            raise _no_answer(workspace, min(waiting), f"does not answer after {timeout:.0f} s")
        time.sleep(_POLL)


def _stop_if_broken(
    workspace: Workspace, waiting: Mapping[str, Check], seen: dict[str, set[int]]
) -> None:
    for process in processes(workspace):
        if process.name not in waiting:
            continue
        if process.pid is not None:
            seen[process.name].add(process.pid)
        if _is_broken(process, len(seen[process.name])):
            raise _no_answer(workspace, process.name, "ends as soon as it is started")


def _is_broken(process: Process, attempts: int) -> bool:
    return process.condition == "failed" or attempts >= _ATTEMPTS


def _no_answer(workspace: Workspace, name: str, what: str) -> Refusal:
    return Refusal(
        "MLS605",
        f"{name} {what}",
        f"its log is {log_of(workspace, name)}; then run the same command again",
        log_tail(workspace, name),
    )
