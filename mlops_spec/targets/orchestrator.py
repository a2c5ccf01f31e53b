"""What apply asks of an orchestrator, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A run as the orchestrator sees it. `ended`: it will not go on; `message`: its last word.

    `running`: its process has begun, as far as the orchestrator knows.
    """

    id: str
    ended: bool
    succeeded: bool
    message: str
    fresh: bool = True  # made just now, rather than found under its key
    running: bool = False


class Orchestrator(Protocol):
    """Runs deployed flows. The same key gives the same run."""

    def start(self, deployment: str, parameters: dict[str, Any], key: str) -> FlowRun:
        """A new run, or the one that was started under this key before.

        `NotServed` while nobody has deployed it: a flow server takes seconds to do so.
        """
        ...

    def look(self, id: str) -> FlowRun:
        """The run as it is now."""
        ...

    def give_up(self, id: str, reason: str) -> None:
        """Mark a run whose process is gone as crashed."""
        ...


class OrchestratorGone(Exception):
    """The orchestrator does not answer."""


class NotServed(Exception):
    """The orchestrator does not know the deployment, or does not yet."""
