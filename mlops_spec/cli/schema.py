"""`spec schema [KIND]`: what an editor needs to complete and check a spec."""

from __future__ import annotations

import argparse
import json

from mlops_spec.cli.exits import Exit
from mlops_spec.load.schema_export import SCHEMAS, schema_of


def configure(parser: argparse.ArgumentParser) -> None:
    """One optional kind."""
    parser.add_argument(
        "kind", nargs="?", choices=tuple(SCHEMAS), metavar="KIND",
        help=f"{', '.join(SCHEMAS)}; without it, any document of specs/",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Print the schema on stdout."""
    print(json.dumps(schema_of(arguments.kind), indent=2, ensure_ascii=False))
    return Exit.FINE
