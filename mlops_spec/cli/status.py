"""spec status: what is live, why, and since when."""

from __future__ import annotations

import argparse
import json
import os

from mlops_spec.cli.site import add_environment, environment_name
from mlops_spec.cli.views.console import console
from mlops_spec.cli.views.status_text import status_lines
from mlops_spec.model.spec.project import ProjectSpec
from mlops_spec.observe.status import look, status_json
from mlops_spec.observe.waiting import Asks
from mlops_spec.pipeline import project_root, read_project
from mlops_spec.terms.digest import finite
from mlops_spec.terms.workspace import Workspace


def configure(parser: argparse.ArgumentParser) -> None:
    add_environment(parser)
    parser.epilog = "A broken spec does not hide what is live: only mlops.yaml is read."


def run(arguments: argparse.Namespace) -> int:
    root = project_root(arguments.root)
    project = read_project(root)
    name = environment_name(project, arguments.env)
    variable = project.environments[name].state_env
    found = look(
        Workspace.of(root, name),
        (),  # a broken spec must not hide what is live: the state knows the models
        os.environ.get(variable) if variable else None,
        _asks(project, name),
    )
    if arguments.output == "json":
        print(json.dumps(finite(status_json(found)), indent=2, ensure_ascii=False))
        return 0
    out = console(arguments)
    for line in status_lines(found):
        out.print(line, highlight=False, soft_wrap=True)
    return 0


def _asks(project: ProjectSpec, name: str) -> Asks:
    """Whom the environment asks before a release takes traffic."""
    elsewhere = "" if name == next(iter(project.environments)) else name
    approval = project.environments[name].approval
    if approval is None:
        return Asks(elsewhere=elsewhere)
    return Asks(approval.criteria, approval.by, elsewhere)
