"""spec run: one flow of one model, now."""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from contextlib import nullcontext
from datetime import datetime
from typing import Final

from mlops_spec.apply.events import Event, Note
from mlops_spec.apply.follow import FlowFailed, FlowRequest, Watch, run_flow
from mlops_spec.apply.look import at_work, plan_one
from mlops_spec.apply.site import Site
from mlops_spec.cli.apply import refusal_of
from mlops_spec.cli.exits import Exit
from mlops_spec.cli.fields import placed
from mlops_spec.cli.refused import print_refusal
from mlops_spec.cli.site import add_environment, open_site
from mlops_spec.cli.views.console import console
from mlops_spec.cli.views.progress import Progress
from mlops_spec.cli.views.summary import print_summary, summary_json
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.targets import platform
from mlops_spec.targets.flow_server import FlowServer, given_up
from mlops_spec.targets.prefect_runs import PrefectRuns
from mlops_spec.terms.steps import BATCH_FLOW, FLOWS, MONITOR_FLOW, ROLLOUT_FLOW, TRAIN_FLOW

# Prefect begins five flows of a model at once: a sixth batch waits for one of them. Of a flow that
# runs, its lease or its presence tells that it lives, however long a step is.
UNTIL_IT_BEGINS: Final = 600.0  # seconds


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("flow", choices=FLOWS, metavar="FLOW", help=", ".join(FLOWS))
    parser.add_argument("model", metavar="MODEL", help="the name of a Model")
    parser.add_argument(
        "--until",
        metavar="TIME",
        type=_time,
        help="monitor: look at the window that ends then (ISO 8601)",
    )
    parser.add_argument(
        "--then-rollout", action="store_true", help="train: roll the model out if its gate passes"
    )
    add_environment(parser)
    parser.epilog = (
        "Examples:\n"
        "  spec run monitor flight-delay\n"
        "  spec run monitor flight-delay --until 2013-06-10\n"
        "  spec run train flight-delay --then-rollout\n\n"
        "Exit codes: 0 the flow ended well, 1 it did not."
    )


def _time(text: str) -> str:
    """The text, when it is a time; the flow reads it again."""
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time in ISO 8601, such as 2013-06-10 or 2013-06-10T06:00Z"
        ) from error
    return text


def run(arguments: argparse.Namespace) -> int:
    strange = _option_of_another_flow(arguments)
    if strange:
        print(f"spec run: {strange}", file=sys.stderr)
        return Exit.USAGE
    site = open_site(arguments)
    _check(site, arguments)
    _require_decision(site, arguments)
    started = site.store.clock()
    environment = platform.environment_variables(site.workspace, site.spec)
    quiet = arguments.output == "json"
    with nullcontext() if quiet else Progress(console(arguments)) as progress:
        watch = Watch(
            site.journal,
            lambda model: at_work(site, model, arguments.flow),
            progress.tell if progress else _ignore,
            FlowServer(site.workspace, arguments.model, time.time()).trouble,
            silence=UNTIL_IT_BEGINS,
        )
        request = FlowRequest(site.environment, uuid.uuid4().hex, _parameters(arguments))
        try:
            run_flow(PrefectRuns(environment), watch, arguments.model, arguments.flow, request)
        except FlowFailed as failure:
            print_refusal(placed(site, refusal_of(site, failure, started)), arguments)
            return Exit.FAILED
        kept = arguments.flow in (TRAIN_FLOW, ROLLOUT_FLOW)  # of others, nothing is
        if progress is not None and kept and not progress.told:
            progress.tell(Note("nothing to do: all of it was done before, with the same result"))
    _report(site, arguments)
    return Exit.FINE


def _check(site: Site, arguments: argparse.Namespace) -> None:
    """The model and its flow must be there, and deployed."""
    model = site.model(arguments.model)
    if arguments.flow == BATCH_FLOW and model.spec.batch is None:
        raise Refusal(
            "MLS302", f"{arguments.model} has no batch flow", "add a `batch:` block to its spec"
        )
    if arguments.flow == BATCH_FLOW and _on_spark(site, arguments.model):
        raise Refusal(
            "MLS607",
            f"the batch predictions of {arguments.model} run on Spark",
            f"submit generated/{site.environment}/{arguments.model}/spark/batch.py to it",
        )
    missing = platform.missing_programs(site.workspace, site.spec)
    if missing:
        raise given_up(site.workspace, missing) or _does_not_run(site, missing)


def _does_not_run(site: Site, missing: tuple[str, ...]) -> Refusal:
    anything = bool(platform.running(site.workspace))
    what = f"the environment {site.environment!r}"
    return Refusal(
        "MLS605",
        f"{', '.join(missing)} of {what} cannot be used as it is"
        if anything
        else f"{what} does not run",
        f"run `spec apply --env {site.environment}` first",
    )


def _on_spark(site: Site, model: str) -> bool:
    batch = site.model(model).spec.batch
    return batch is not None and batch.on == "spark" and site.spec.spark is not None


def _require_decision(site: Site, arguments: argparse.Namespace) -> None:
    """Where a person is asked, say so before a flow is started that would refuse."""
    if arguments.flow != ROLLOUT_FLOW or site.spec.approval is None:
        return
    blocked = plan_one(site, site.model(arguments.model)).blocked
    if blocked is not None and blocked.exit_code == Exit.NEEDS_APPROVAL:
        raise Refusal("MLS611", f"{blocked.model}: {blocked.reason}", blocked.help)


def _ignore(_: Event) -> None:
    """Nobody watches: the report at the end is the output."""


def _report(site: Site, arguments: argparse.Namespace) -> None:
    if arguments.output == "json":
        told = summary_json(site, arguments.model)
        print(json.dumps({"format_version": 1, "models": told}, indent=2, ensure_ascii=False))
        return
    print_summary(site, console(arguments), arguments.model)


def _option_of_another_flow(arguments: argparse.Namespace) -> str:
    """What is wrong with an option that the flow would ignore; "" when nothing is."""
    for option, flow in (("until", MONITOR_FLOW), ("then_rollout", TRAIN_FLOW)):
        if getattr(arguments, option) and arguments.flow != flow:
            return f"--{option.replace('_', '-')} is for {flow}; this is {arguments.flow}"
    return ""


def _parameters(arguments: argparse.Namespace) -> dict[str, object]:
    if arguments.until:
        return {"until": arguments.until}
    return {"then_rollout": True} if arguments.then_rollout else {}
