"""What every step of a flow stands on: the workspace, the state, and doing a step once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_spec.runtime.refusal import Refusal, gist
from mlops_spec.state import Deployments, Journal, Lease, Presence, Store
from mlops_spec.terms.steps import flow_presence, model_lease
from mlops_spec.terms.workspace import Workspace

Output = dict[str, Any]
Progress = Callable[[Output], None]
First = Callable[[], None]


def nothing() -> None:
    """What comes before the work of a step, where nothing does."""


@dataclass(frozen=True, slots=True)
class Context:
    """One flow run of one model. Paths in specs are relative to `root`, where mlops.yaml lies."""

    model: str
    root: Path
    workspace: Workspace
    store: Store
    facets: Mapping[str, str]

    @classmethod
    def open(cls, *, model: str, workspace: str, facets: Mapping[str, str]) -> Context:
        """The context of this process.

        `workspace` is the rendered `.spec/<environment>`; `MLOPS_SPEC_WORKSPACE` wins over it. The
        state is a file in it, or at the SQLAlchemy URL in `MLOPS_SPEC_STATE`.
        """
        place = Workspace(Path(os.environ.get("MLOPS_SPEC_WORKSPACE", workspace)).resolve())
        url = os.environ.get("MLOPS_SPEC_STATE")
        store = Store(url) if url else Store.at(place.state)
        return cls(model, place.root.parent.parent, place, store, facets)

    @property
    def environment(self) -> str:
        return self.workspace.environment

    @property
    def journal(self) -> Journal:
        return Journal(self.store, self.environment)

    @property
    def deployments(self) -> Deployments:
        return Deployments(self.store, self.environment)

    def lease(self, purpose: str) -> Lease:
        """The lock that lets one flow at a time work on this model."""
        return Lease(self.store, model_lease(self.environment, self.model), purpose)

    def present(self, flow: str) -> Presence:
        """Shows that a flow lives which keeps no other from this model, however long a step is."""
        name = flow_presence(self.environment, self.model, flow)
        return Presence(self.store, name, flow)

    def step(
        self, name: str, key: str, run: str, work: Callable[[Progress], Output],
        made: Callable[[Output], Path] | None = None,
    ) -> Output:  # fmt: skip
        """The output of a step: the recorded one if it was done before, otherwise by doing `work`.

        `work` gets a function that records how far it is. A `Refusal` is recorded and raised again;
        the next call with the same key tries again. Where the file is gone that the step `made`, it
        is done again, too: only for a step whose work makes the same of the same.
        """
        recorded = self.journal.done(self.model, name, key)
        if recorded is not None and (made is None or made(recorded.output).exists()):
            return recorded.output
        self.journal.start(self.model, name, key, run)
        try:
            output = work(lambda so_far: self.journal.update(self.model, name, key, so_far))
        except Exception as error:
            refusal = as_refusal(error)
            self.journal.finish(self.model, name, key, "failed", refusal.to_json())
            if refusal is error:
                raise
            raise refusal from error
        self.journal.finish(self.model, name, key, "done", output)
        return output


def as_refusal(error: Exception) -> Refusal:
    """The error as something a user can act on."""
    match error:
        case Refusal():
            return error
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return Refusal(
                "MLS604", f"the disk is full: {error}", "make room, then run the same command again"
            )
        case _:
            return Refusal(
                "MLS602",
                f"{type(error).__name__}: {gist(error)}",
                "the log of the flow has the details",
            )
