"""How often programs have ended by themselves, from the supervisor's own log.

The supervisor starts them again, and so at any one moment a crash loop looks like a start.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.machine.processes import last_text
from mlops_spec.terms.workspace import Workspace

WITHIN: Final = 120.0  # seconds
OFTEN: Final = 3
# A tenth of a kilobyte a line, three lines an end: more ends than fit into two minutes.
_READ: Final = 200_000  # bytes

_LINE: Final = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ \w+ exited: (?P<name>\S+)"
    r" \((?P<how>[^;)]*)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class End:
    """A program that ended though nobody had asked it to. `at`: seconds since 1970."""

    name: str
    at: float
    how: str  # "exit status 1", "terminated by SIGKILL"


def ends(workspace: Workspace, since: float) -> tuple[End, ...]:
    """Every end of a program since then, oldest first; whole seconds, as the log has them."""
    text = last_text(workspace.supervisor / "supervisord.log", _READ)
    found = (End(m["name"], _seconds(m["at"]), m["how"]) for m in _LINE.finditer(text))
    return tuple(end for end in found if end.at >= int(since))


def loops(workspace: Workspace, now: float) -> dict[str, str]:
    """The programs that keep ending, each with how, in words."""
    found = ends(workspace, now - WITHIN)
    by_name = {end.name: [e for e in found if e.name == end.name] for end in found}
    return {name: told(theirs, now) for name, theirs in by_name.items() if len(theirs) >= OFTEN}


def told(found: list[End], now: float) -> str:
    """How often a program ended, and how it did last."""
    first = max(1, round(now - found[0].at))
    times = "once" if len(found) == 1 else f"{len(found)} times"
    return f"ended {times} in {first} s, last with {found[-1].how}"


def _seconds(local: str) -> float:
    return time.mktime(time.strptime(local, "%Y-%m-%d %H:%M:%S"))
