"""`spec validate`: load, link, and say what was found."""

from __future__ import annotations

import argparse

from mlops_spec.cli.exits import Exit
from mlops_spec.cli.views import show
from mlops_spec.pipeline import compile_project, recorded_facts


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing beyond the common options."""
    parser.epilog = "Exit codes: 0 no error, 1 the specs hold errors."


def run(arguments: argparse.Namespace) -> int:
    """Errors leave as `SpecRejected`, and are shown where every command's are."""
    project, found = compile_project(arguments.root, recorded_facts(arguments.root))
    show(tuple(found), arguments, models=len(project.models))
    return Exit.FINE
