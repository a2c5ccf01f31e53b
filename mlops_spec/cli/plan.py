"""spec plan: what apply would do, in words or as JSON."""

from __future__ import annotations

import argparse
import json

from mlops_spec.apply.blocked import exit_code_of
from mlops_spec.apply.look import make_plan
from mlops_spec.apply.stages import ApplyPlan
from mlops_spec.cli.fields import at_its_line
from mlops_spec.cli.replays import replays
from mlops_spec.cli.site import add_environment, open_site, tell_reading
from mlops_spec.cli.views.console import console
from mlops_spec.cli.views.plan_text import NONE, Replays, plan_json, plan_lines
from mlops_spec.terms.digest import finite


def configure(parser: argparse.ArgumentParser) -> None:
    add_environment(parser)
    parser.add_argument(
        "--detailed-exitcode", action="store_true", help="exit 2 when there is something to do"
    )
    parser.add_argument(
        "--retry", action="store_true", help="plan as `spec apply --retry` would go about it"
    )
    parser.epilog = (
        "Exit codes: 0 planned (2 with --detailed-exitcode and something to do), 1 it cannot be,\n"
        "3 it needs approval, 4 a gate said no before, 5 it was inconclusive or had no data."
    )


def run(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    with at_its_line(site):
        plan = make_plan(site, retry=arguments.retry, reading=tell_reading)
    show(plan, arguments, replays(site, plan))
    if plan.blocked:
        return exit_code_of(plan.blocked)
    return 2 if arguments.detailed_exitcode and not plan.no_op else 0


def show(plan: ApplyPlan, arguments: argparse.Namespace, replayed: Replays = NONE) -> None:
    """Print a plan in the form that was asked for, with what changed gates would have meant."""
    if arguments.output == "json":
        print(json.dumps(finite(plan_json(plan, replayed)), indent=2, ensure_ascii=False))
        return
    out = console(arguments)
    for line in plan_lines(plan, replayed):
        # The terminal wraps: a command that is to be copied has no line break in it.
        out.print(line, highlight=False, soft_wrap=True)
