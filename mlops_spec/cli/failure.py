"""What is shown when a command stops with an exception."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import traceback

from mlops_spec import __version__
from mlops_spec.cli.exits import Exit
from mlops_spec.cli.refused import print_refusal, refusal_for
from mlops_spec.cli.views import show
from mlops_spec.diagnostics import SpecRejected


def report(error: Exception, arguments: argparse.Namespace) -> Exit:
    """A rejected spec is the user's, a refusal the world's; anything else is our bug."""
    if isinstance(error, SpecRejected):
        show(error.diagnostics, arguments)
        return Exit.FAILED
    refusal = refusal_for(error)
    if refusal is not None:
        print_refusal(refusal, arguments)
        return Exit.FAILED
    if arguments.debug:
        traceback.print_exception(error)
        return Exit.OUR_BUG
    print(
        f"spec: a bug of ours: {type(error).__name__}: {error}\n"
        f"{_written(error)}; the same command with --debug shows it here",
        file=sys.stderr,
    )
    return Exit.OUR_BUG


def _written(error: Exception) -> str:
    text = "".join(
        (
            f"spec {__version__}, Python {platform.python_version()}, {platform.system()}\n",
            f"spec {' '.join(sys.argv[1:])}\n\n",
            *traceback.format_exception(error),
        )
    )
    try:
        handle, path = tempfile.mkstemp(prefix="spec-bug-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as refused:
        return f"the report could not be written ({refused.strerror})"
    return f"the report is in {path}"
