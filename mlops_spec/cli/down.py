"""spec down: end every process of an environment, and what it has on a cluster; its data stays."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from typing import Final

from mlops_spec.cli.exits import Exit
from mlops_spec.cli.refused import print_refusal
from mlops_spec.cli.site import add_environment, environment_name
from mlops_spec.model.spec.project import ProjectSpec
from mlops_spec.pipeline import project_root, read_project
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.objects import Owner, Ref, ref_of
from mlops_spec.runtime.cluster.refused import Unreachable
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tree import owned
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.targets.platform import stop
from mlops_spec.terms.workspace import Workspace

# Seconds for an API server that is busy: who takes an environment down does not want to wait.
_PATIENCE: Final = 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    add_environment(parser)
    parser.add_argument(
        "--yes", action="store_true", help="on a cluster: remove what was named without it"
    )
    parser.epilog = (
        "`spec apply` starts all of it again. On a cluster it names the objects that would go,\n"
        "and removes them with --yes; never a namespace, never anything that is not its own.\n"
        "Exit codes: 0 nothing runs any more, 1 some of it may, 3 it waits for --yes."
    )


def run(arguments: argparse.Namespace) -> int:
    root = project_root(arguments.root)
    project = read_project(root)
    name = environment_name(project, arguments.env)
    cluster = _look(project, name)
    if cluster.server and cluster.found and not arguments.yes:
        _ask(f"{cluster.server.connection}", cluster.found, arguments)
        return Exit.NEEDS_APPROVAL
    workspace = Workspace.of(root, name)
    # Looking at a workspace that was never made must not make it. What runs here ends first, and
    # whatever the cluster says: a flow would start again what is removed there.
    stopped = stop(workspace) if workspace.root.exists() else ()
    ended = _removed(cluster)
    _tell(workspace, stopped, ended, arguments)
    if ended.refusal is None:
        return Exit.FINE
    print_refusal(_left(ended, ended.refusal), arguments)
    return Exit.FAILED


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What an environment has on its cluster. `refusal`: why that is not known, or still there."""

    server: ApiServer | None = None
    found: tuple[Ref, ...] = ()
    removed: tuple[Ref, ...] = ()
    refusal: Refusal | None = None


def _look(project: ProjectSpec, name: str) -> _Cluster:
    serve = project.environments[name].serve
    if serve.on != "kubernetes":
        return _Cluster()
    try:
        server = ApiServer(connect(serve.context or ""), _PATIENCE)
        return _Cluster(server, _objects(server, project, name))
    except Refusal as refusal:
        return _Cluster(refusal=refusal)


def _removed(cluster: _Cluster) -> _Cluster:
    """Remove what can be; one object that may not be removed keeps none of the others."""
    removed: list[Ref] = []
    first: Refusal | None = cluster.refusal
    for ref in cluster.found:
        assert cluster.server is not None, "something was found on it"
        try:
            cluster.server.delete(ref)
            removed.append(ref)
        except Unreachable as refusal:
            first = first or refusal
            break
        except Refusal as refusal:
            first = first or refusal
    return replace(cluster, removed=tuple(removed), refusal=first)


def _left(cluster: _Cluster, why: Refusal) -> Refusal:
    """The refusal with what goes on running there, as far as anybody knows."""
    left = [str(ref) for ref in cluster.found if ref not in cluster.removed]
    told = f"still there: {', '.join(left)}" if left else "what it has there is not known"
    help = f"{why.help}; nothing of it runs on this machine any more"
    return Refusal(why.code, why.message, help, (*why.details, told), field=why.field)


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
    workspace: Workspace, stopped: tuple[str, ...], cluster: _Cluster,
    arguments: argparse.Namespace,
) -> None:  # fmt: skip
    names = [str(ref) for ref in cluster.removed]
    if arguments.output == "json":
        more = {"removed": names} if names else {}
        print(json.dumps({"format_version": 1, "stopped": list(stopped), **more}))
        return
    if names:
        print(f"removed {', '.join(names)}")
    if stopped:
        print(f"stopped {', '.join(stopped)}; the data stays, `spec apply` starts all of it again")
    elif not names and cluster.refusal is None:
        print(f"nothing runs in {workspace.environment!r}")
