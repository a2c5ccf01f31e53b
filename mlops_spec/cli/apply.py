"""spec apply: do what the plan says. The same command finishes what was interrupted."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from mlops_spec.apply.events import Event
from mlops_spec.apply.execute import Outcome, Tell, execute
from mlops_spec.apply.follow import FlowFailed
from mlops_spec.apply.images import images_given, require_use
from mlops_spec.apply.look import make_plan
from mlops_spec.apply.site import Site
from mlops_spec.apply.stages import ApplyPlan
from mlops_spec.apply.world import LiveWorld
from mlops_spec.cli.fields import at_its_line, owner_of, placed
from mlops_spec.cli.plan import show
from mlops_spec.cli.refused import print_refusal
from mlops_spec.cli.replays import replays
from mlops_spec.cli.site import add_environment, open_site, tell_reading
from mlops_spec.cli.views.console import console
from mlops_spec.cli.views.plan_text import Replays, plan_json
from mlops_spec.cli.views.progress import Progress
from mlops_spec.cli.views.summary import print_summary, summary_json
from mlops_spec.runtime.machine.processes import log_of, log_tail
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Lease
from mlops_spec.targets.programs import FLOWS
from mlops_spec.terms.digest import finite

_LINES: Final = 15  # of a flow's log: the end of a traceback


def configure(parser: argparse.ArgumentParser) -> None:
    add_environment(parser)
    parser.add_argument(
        "--retry", action="store_true", help="try a release again that a rollout has rolled back"
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="MODEL=IMAGE",
        help="on a cluster: the image of the model's release, built elsewhere, by its digest",
    )
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="on a cluster: overwrite fields that somebody else has set",
    )
    parser.epilog = (
        "Examples:\n"
        "  spec apply                    the default environment\n"
        "  spec apply --env local        a named one\n"
        "  spec apply --retry            once more, after a rollback\n\n"
        "Exit codes: 0 done, 1 a step failed, 3 it needs approval, 4 a gate said no, 5 in doubt.\n"
        "Whatever the outcome, the release in production goes on serving."
    )


def run(arguments: argparse.Namespace) -> int:
    started = time.time()
    site = open_site(arguments)
    with at_its_line(site), Lease(site.store, f"apply/{site.environment}", "spec apply"):
        images = images_given(site, arguments.image)
        plan = make_plan(site, retry=arguments.retry, reading=tell_reading)
        require_use(site, plan, images)
        # Before anything is done: afterwards the gates count as unchanged.
        replayed = replays(site, plan)
        outcome = _execute(site, plan, replayed, images, arguments)
        if not outcome.failed:
            LiveWorld(site, _ignore).settle(outcome.blocked)
    _report(site, plan, replayed, outcome, arguments)
    for failure in outcome.failed:
        print_refusal(placed(site, refusal_of(site, failure, started)), arguments)
    return outcome.exit_code


def _execute(
    site: Site,
    plan: ApplyPlan,
    replayed: Replays,
    images: Mapping[str, str],
    arguments: argparse.Namespace,
) -> Outcome:
    def executed(tell: Tell) -> Outcome:
        world = LiveWorld(site, tell, arguments.retry, images, arguments.take_over)
        return execute(plan, world, tell)

    if plan.no_op:
        return Outcome(plan.blocked, ())
    if arguments.output == "json":
        return executed(_ignore)
    show(plan, arguments, replayed)
    with Progress(console(arguments)) as progress:
        return executed(progress.tell)


def _ignore(_: Event) -> None:
    """Nobody watches: the summary at the end is the output."""


def _report(
    site: Site, plan: ApplyPlan, replayed: Replays, outcome: Outcome, arguments: argparse.Namespace
) -> None:
    if arguments.output == "json":
        report = {"plan": plan_json(plan, replayed), "models": summary_json(site)}
        stopped = [asdict(blocked) for blocked in outcome.blocked]
        told = finite({**report, "blocked": stopped, "exit_code": outcome.exit_code})
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    out = console(arguments)
    if plan.no_op:
        show(plan, arguments, replayed)
    print_summary(site, out)


def refusal_of(site: Site, failure: FlowFailed, since: float) -> Refusal:
    """What a step of the flow recorded as it failed; otherwise why it did not begin, or its own
    last word.
    """
    if failure.why is not None:
        return failure.why
    model = failure.deployment.partition("/")[0].rpartition("-")[0]
    failed = [
        step
        for step in site.journal.steps(model)
        if step.status == "failed" and step.started_at >= since
    ]
    if not failed:
        server = f"{FLOWS}{model}"
        return Refusal(
            "MLS602",
            f"{failure.deployment}: {failure}",
            f"look at {log_of(site.workspace, server)}",
            log_tail(site.workspace, server, _LINES),
        )
    said, step = failed[-1].output, failed[-1].step
    code = str(said.get("code", "MLS602"))
    return Refusal(
        code,
        f"{model}: {step}: {said.get('message', failure)}",
        str(said.get("help", "")),
        tuple(said.get("details", ())),
        field=owner_of(site.model(model), step, code, tuple(said.get("field", ()))),
    )
