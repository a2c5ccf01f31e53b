"""What happens before a service's first request: whose release is this, and may it be served."""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import Final

from mlops_spec.runtime.declare import Trust
from mlops_spec.runtime.evidence.verify import Proven, prove
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.workspace import Workspace

log: Final = logging.getLogger("mlops_spec.serving")
# Objects between two looks for garbage. Requests make no cycles, and a look stops all answers; more
# than what the log keeps between two files, so that it is not looked through again and again.
_GARBAGE_AFTER: Final = 100_000
# Seconds after which the log's thread gives the interpreter back: an answer waits no longer for it.
_TURN: Final = 0.0005


def workspace_here() -> Workspace | None:
    """The workspace that this process was started in; None in a bare container."""
    root = os.environ.get("MLOPS_SPEC_WORKSPACE")
    return Workspace(Path(root)) if root else None


def proven(folder: Path, trust: Trust | None, workspace: Workspace | None) -> Proven:
    """The release in a folder, its evidence checked and logged. `Refusal` MLS612 otherwise."""
    found = prove(folder, trust, workspace)
    if found.signers:
        log.info("evidence: %s", found.line())
    else:
        log.warning("anybody may have written the evidence of this release: %s", found.line())
    return found


def settle() -> None:
    """Make this process one that answers: after everything is loaded, before workers are forked."""
    # What was loaded stays: looking through it for garbage would stop all answers for 70 ms, and
    # would write to pages that workers share.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER, 20, 20)
    sys.setswitchinterval(_TURN)


def said(error: Exception) -> str:
    """An error on one line of the server's log, with what to do about it."""
    match error:
        case Refusal():
            text = "; ".join((f"{error.code}: {error.message}", error.help, *error.details))
        case _:
            text = str(error)
    # Who writes evidence must not write lines of the log.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
