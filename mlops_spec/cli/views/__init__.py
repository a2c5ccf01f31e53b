"""How diagnostics are shown: to people, to programs, to GitHub."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TextIO

from mlops_spec.cli.views import github, json, text
from mlops_spec.cli.views.sources import Sources
from mlops_spec.diagnostics import Diagnostic

__all__ = ["colored", "show"]


def show(
    diagnostics: tuple[Diagnostic, ...], arguments: argparse.Namespace, models: int | None = None
) -> None:
    """Print what was found on stdout, in the form that was asked for.

    `models`: how many a clean project holds; None when the project could not be linked.
    """
    sources = Sources.of(arguments.root)
    match arguments.output:
        case "json":
            lines = json.lines(diagnostics, sources)
        case "github":
            lines = github.lines(diagnostics, sources)
        case _:
            color = colored(arguments.color, sys.stdout)
            lines = text.lines(diagnostics, sources, color=color, models=models)
    for line in lines:
        print(line)


def colored(choice: str, stream: TextIO) -> bool:
    """Whether to use colour; https://no-color.org says when not to."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
