"""The world's failures as a user sees them: a code, what happened, what to do."""

from __future__ import annotations

import argparse
import errno
import json
import sys
from typing import Final

from mlops_spec.cli.views.text import printable
from mlops_spec.runtime.refusal import Refusal

# By the exception's own name, so that printing one needs none of the modules that raise them.
CODES: Final[dict[str, str]] = {
    "LeaseHeld": "MLS601",
    "FlowFailed": "MLS602",
    "OrchestratorGone": "MLS605",
    "StateUnusable": "MLS606",
}

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def refusal_for(error: Exception) -> Refusal | None:
    """The failure to print for an exception of ours; None for one that is a bug."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return _of_the_disk(error)
    code = CODES.get(type(error).__name__)
    return Refusal(code, str(error)) if code else None


def _of_the_disk(error: OSError) -> Refusal:
    from mlops_spec.runtime.context import as_refusal

    if error.filename is None or error.errno in _FULL:
        return as_refusal(error)
    return Refusal(
        "MLS602",
        f"{error.strerror}: {error.filename}",
        "look at this path and its permissions, then run the same command again",
    )


def print_refusal(refusal: Refusal, arguments: argparse.Namespace) -> None:
    """Print to stderr, as text or as one line of JSON."""
    if arguments.output == "json":
        print(json.dumps({"format_version": 1, "error": refusal.to_json()}), file=sys.stderr)
        return
    # What is told of data and of other programs must not drive the reader's terminal either.
    where = f"{refusal.at}: " if refusal.at else ""
    print(f"{where}error {refusal.code}: {printable(refusal.message)}", file=sys.stderr)
    for detail in refusal.details:
        print(f"    {printable(detail)}", file=sys.stderr)
    if refusal.help:
        print(f"  help: {printable(refusal.help)}", file=sys.stderr)
