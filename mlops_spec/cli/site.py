"""What commands that look at an environment share: which one, and its state."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

from mlops_spec.apply.site import Site
from mlops_spec.model.spec.project import ProjectSpec
from mlops_spec.pipeline import (
    cluster_objects,
    compile_project,
    project_root,
    recorded_facts,
    render_project,
)
from mlops_spec.runtime.refusal import Refusal

_TOLD: Final = 2 * 10**8  # bytes


def add_environment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env",
        metavar="NAME",
        help="the environment (default: SPEC_ENV, or the first one in mlops.yaml)",
    )


def open_site(arguments: argparse.Namespace) -> Site:
    """Compile the project and open the environment; warnings go to stderr.

    Raises `SpecRejected`, `StateUnusable`, and `Refusal` for an environment that is not there.
    """
    root = project_root(arguments.root)
    asked = arguments.env or os.environ.get("SPEC_ENV")
    project, found = compile_project(root, recorded_facts(root, asked))
    for warning in found:
        print(warning, file=sys.stderr)
    name = environment_name(project.document.spec, arguments.env)
    on_cluster = project.environments[name].serve.on == "kubernetes"
    objects = cluster_objects(project, name) if on_cluster else {}
    return Site.open(root, project, name, render_project(project, name), objects)


def tell_reading(size: int) -> None:
    """Say on stderr why a plan takes its time, where so many bytes are read that it does."""
    if size >= _TOLD:
        said = f"reading {size / 1e9:.1f} GB of files that were touched: are they as before?"
        print(said, file=sys.stderr, flush=True)


def environment_name(project: ProjectSpec, asked: str | None) -> str:
    """The environment that was asked for, by flag or by SPEC_ENV; otherwise the first."""
    names = list(project.environments)
    name = asked or os.environ.get("SPEC_ENV") or names[0]
    if name not in names:
        origin = "" if asked else ", which the variable SPEC_ENV asks for"
        raise Refusal(
            "MLS302",
            f"no environment named {name!r}{origin}",
            f"mlops.yaml has: {', '.join(names)}",
        )
    return name
