"""spec down: end every process of an environment on this machine; its data stays."""

from __future__ import annotations

import argparse
import json

from mlops_spec.cli.site import add_environment, environment_name
from mlops_spec.pipeline import project_root, read_project
from mlops_spec.targets.platform import stop
from mlops_spec.terms.workspace import Workspace


def configure(parser: argparse.ArgumentParser) -> None:
    add_environment(parser)
    parser.epilog = "`spec apply` starts all of it again. Exit codes: 0 nothing runs any more."


def run(arguments: argparse.Namespace) -> int:
    root = project_root(arguments.root)
    workspace = Workspace.of(root, environment_name(read_project(root), arguments.env))
    # Looking at a workspace that was never made must not make it.
    stopped = stop(workspace) if workspace.root.exists() else ()
    if arguments.output == "json":
        print(json.dumps({"format_version": 1, "stopped": list(stopped)}))
    elif stopped:
        print(f"stopped {', '.join(stopped)}; the data stays, `spec apply` starts all of it again")
    else:
        print(f"nothing runs in {workspace.environment!r}")
    return 0
