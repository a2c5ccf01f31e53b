"""Why a flow that was asked for does not begin: what became of the program that runs it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.machine.ended import OFTEN, WITHIN, ends, told
from mlops_spec.runtime.machine.processes import Process, log_of, log_tail, processes
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.targets.programs import FLOWS
from mlops_spec.terms.workspace import Workspace

_LINES: Final = 15  # of a log: the end of a traceback
# A server that was started again does not take up what the one before it had begun to start. A
# process of that one may still be on its way, for as long as it takes to import everything.
_LOST_AFTER: Final = 90.0  # seconds
# To import Prefect and to load the flows: what cannot be done fails before.
_UP_AFTER: Final = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class FlowServer:
    """The program that runs a model's flows, watched since a flow was asked for (s since 1970)."""

    workspace: Workspace
    model: str
    since: float

    @property
    def name(self) -> str:
        return f"{FLOWS}{self.model}"

    def trouble(self) -> Refusal | None:
        """Why the flow will not begin; None while it still may.

        MLS605 with the last lines of the log: the server was given up, keeps ending, or has lost
        the run as it ended.
        """
        found = next((p for p in processes(self.workspace) if p.name == self.name), None)
        if found is None:
            return stopped(self.workspace, self.name, "does not run any more")
        if found.condition == "failed":
            return stopped(self.workspace, self.name, _given_up(found))
        return self._lost(time.time())

    def _lost(self, now: float) -> Refusal | None:
        since = self.since - WITHIN
        recent = [end for end in ends(self.workspace, since) if end.name == self.name]
        if not recent or recent[-1].at < int(self.since):
            return None
        if len(recent) >= OFTEN:
            return stopped(self.workspace, self.name, f"does not stay up: {told(recent, now)}")
        if now - recent[-1].at < _LOST_AFTER:
            return None
        what = f"ended ({recent[-1].how}) as it was to begin the flow"
        return stopped(self.workspace, self.name, what)


def stays_up(workspace: Workspace, name: str) -> bool:
    """Whether a flow server that was started again has lived for some time: it answers nobody."""
    since = next((p.since for p in processes(workspace) if p.name == name), None)
    return since is not None and time.time() - since >= _UP_AFTER


def given_up(workspace: Workspace, names: tuple[str, ...]) -> Refusal | None:
    """The first of these programs that ended so often that it is not started again."""
    failed = (p for p in processes(workspace) if p.name in names and p.condition == "failed")
    found = next(failed, None)
    return stopped(workspace, found.name, _given_up(found)) if found else None


def stopped(workspace: Workspace, name: str, what: str) -> Refusal:
    """MLS605 for a program that has ended, with the last that it printed."""
    return Refusal(
        "MLS605",
        f"{name} {what}",
        f"mend what its log says ({log_of(workspace, name)}), then run "
        f"`spec apply --env {workspace.environment}` and the same command again",
        log_tail(workspace, name, _LINES),
    )


def _given_up(found: Process) -> str:
    return f"does not run: {found.reason or 'it ended'}, and is not started again by itself"
