"""spec run: one flow of one model, now."""

from __future__ import annotations

import argparse
import uuid

from mlops_spec.apply.follow import FlowFailed, FlowRequest, Watch, run_flow
from mlops_spec.apply.site import Site
from mlops_spec.cli.apply import refusal_of
from mlops_spec.cli.refused import print_refusal
from mlops_spec.cli.site import add_environment, open_site
from mlops_spec.cli.views.console import console
from mlops_spec.cli.views.progress import Progress
from mlops_spec.cli.views.summary import print_summary
from mlops_spec.diagnostics import did_you_mean
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state.lease import holder_of
from mlops_spec.targets import platform
from mlops_spec.targets.prefect_runs import PrefectRuns
from mlops_spec.terms.steps import BATCH_FLOW, FLOWS, MONITOR_FLOW, TRAIN_FLOW


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("flow", choices=FLOWS, help="which flow")
    parser.add_argument("model", help="of which model")
    parser.add_argument(
        "--until", metavar="TIME", help="monitor: look at the window that ends then (ISO 8601)"
    )
    parser.add_argument(
        "--then-rollout", action="store_true", help="train: roll the model out if its gate passes"
    )
    add_environment(parser)


def run(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    _check(site, arguments)
    started = site.store.clock()
    environment = platform.environment_variables(site.workspace, site.spec)
    with Progress(console(arguments)) as progress:
        watch = Watch(
            site.journal,
            lambda model: holder_of(site.store, f"model/{site.environment}/{model}"),
            progress.tell,
            silence=3600,
        )
        request = FlowRequest(site.environment, uuid.uuid4().hex, _parameters(arguments))
        try:
            run_flow(PrefectRuns(environment), watch, arguments.model, arguments.flow, request)
        except FlowFailed as failure:
            print_refusal(refusal_of(site, failure, started), arguments)
            return 1
    print_summary(site, console(arguments))
    return 0


def _check(site: Site, arguments: argparse.Namespace) -> None:
    """The model and its flow must be there, and deployed."""
    names = tuple(model.name for model in site.project.models)
    if arguments.model not in names:
        raise Refusal(
            "MLS302", f"no Model named {arguments.model!r}", did_you_mean(arguments.model, names)
        )
    if arguments.flow == BATCH_FLOW and site.model(arguments.model).spec.batch is None:
        raise Refusal(
            "MLS302", f"{arguments.model} has no batch flow", "add a `batch:` block to its spec"
        )
    if platform.missing_programs(site.workspace, site.spec):
        raise Refusal("MLS605", "the environment does not run", "run `spec apply` first")


def _parameters(arguments: argparse.Namespace) -> dict[str, object]:
    match arguments.flow:
        case flow if flow == MONITOR_FLOW and arguments.until:
            return {"until": arguments.until}
        case flow if flow == TRAIN_FLOW and arguments.then_rollout:
            return {"then_rollout": True}
        case _:
            return {}
