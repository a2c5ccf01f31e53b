"""spec down: end every process of an environment, and what it has on a cluster; its data stays."""

from __future__ import annotations

import argparse
import json

from mlops_spec.cli.exits import Exit
from mlops_spec.cli.site import add_environment, environment_name
from mlops_spec.model.spec.project import ProjectSpec
from mlops_spec.pipeline import project_root, read_project
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.objects import Owner, Ref, ref_of
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tree import owned
from mlops_spec.targets.platform import stop
from mlops_spec.terms.workspace import Workspace


def configure(parser: argparse.ArgumentParser) -> None:
    add_environment(parser)
    parser.add_argument(
        "--yes", action="store_true", help="on a cluster: remove what was named without it"
    )
    parser.epilog = (
        "`spec apply` starts all of it again. On a cluster it names the objects that would go,\n"
        "and removes them with --yes; never a namespace, never anything that is not its own.\n"
        "Exit codes: 0 nothing runs any more, 3 it waits for --yes."
    )


def run(arguments: argparse.Namespace) -> int:
    root = project_root(arguments.root)
    project = read_project(root)
    name = environment_name(project, arguments.env)
    server = _server(project, name)
    found = _objects(server, project, name) if server else ()
    if server and found and not arguments.yes:
        _ask(f"{server.connection}", found, arguments)
        return Exit.NEEDS_APPROVAL
    workspace = Workspace.of(root, name)
    # Looking at a workspace that was never made must not make it.
    stopped = stop(workspace) if workspace.root.exists() else ()
    if server:
        for ref in found:
            server.delete(ref)
    _tell(workspace, stopped, found, arguments)
    return Exit.FINE


def _server(project: ProjectSpec, name: str) -> ApiServer | None:
    serve = project.environments[name].serve
    return ApiServer(connect(serve.context or "")) if serve.on == "kubernetes" else None


def _objects(server: ApiServer, project: ProjectSpec, name: str) -> tuple[Ref, ...]:
    namespace = project.environments[name].serve.namespace
    return tuple(ref_of(found) for found in owned(server, Owner(project.project, name), namespace))


def _ask(place: str, found: tuple[Ref, ...], arguments: argparse.Namespace) -> None:
    names = [str(ref) for ref in found]
    if arguments.output == "json":
        print(json.dumps({"format_version": 1, "stopped": [], "would_remove": names}))
        return
    print(f"{place}, namespace {found[0].namespace}, has {len(found)} objects of this environment:")
    for ref in names:
        print(f"  - {ref}")
    print("`spec down --yes` removes them: nothing answers there any more. The data stays.")


def _tell(
    workspace: Workspace, stopped: tuple[str, ...], removed: tuple[Ref, ...],
    arguments: argparse.Namespace,
) -> None:  # fmt: skip
    names = [str(ref) for ref in removed]
    if arguments.output == "json":
        more = {"removed": names} if names else {}
        print(json.dumps({"format_version": 1, "stopped": list(stopped), **more}))
        return
    if names:
        print(f"removed {', '.join(names)}")
    if stopped:
        print(f"stopped {', '.join(stopped)}; the data stays, `spec apply` starts all of it again")
    elif not names:
        print(f"nothing runs in {workspace.environment!r}")
