"""spec status: what is live, why, and since when."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace

from mlops_spec.cli.site import add_environment, environment_name
from mlops_spec.cli.views.cluster_text import cluster_lines
from mlops_spec.cli.views.console import console
from mlops_spec.cli.views.status_text import status_lines
from mlops_spec.model.spec.project import ProjectSpec, ServeOn
from mlops_spec.observe.cluster import ClusterStatus, look_at_cluster
from mlops_spec.observe.status import Status, look, status_json
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
    serve = project.environments[name].serve
    found = replace(found, elsewhere=serve.on == "kubernetes")
    cluster = _cluster(serve, found)
    if arguments.output == "json":
        more = {"cluster": cluster.to_json()} if cluster else {}
        print(json.dumps(finite({**status_json(found), **more}), indent=2, ensure_ascii=False))
        return 0
    out = console(arguments)
    for line in (*status_lines(found), *(("", *cluster_lines(cluster)) if cluster else ())):
        out.print(line, highlight=False, soft_wrap=True)
    return 0


def _cluster(serve: ServeOn, found: Status) -> ClusterStatus | None:
    """What runs on the cluster, where there is one and anything was applied to it."""
    if serve.on != "kubernetes" or not found.models:
        return None
    return look_at_cluster(serve, tuple(model.name for model in found.models))


def _asks(project: ProjectSpec, name: str) -> Asks:
    """Whom the environment asks before a release takes traffic."""
    elsewhere = "" if name == next(iter(project.environments)) else name
    approval = project.environments[name].approval
    if approval is None:
        return Asks(elsewhere=elsewhere)
    return Asks(approval.criteria, approval.by, elsewhere)
