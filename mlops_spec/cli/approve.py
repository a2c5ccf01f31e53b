"""spec approve: what a person decides on a candidate's verdicts; recorded, never overwritten."""

from __future__ import annotations

import argparse
import getpass
import json
import socket
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from mlops_spec.apply.look import plan_one
from mlops_spec.apply.site import Site
from mlops_spec.apply.standing import Standing
from mlops_spec.cli.exits import Exit
from mlops_spec.cli.site import add_environment, open_site
from mlops_spec.cli.views.console import console
from mlops_spec.diagnostics import did_you_mean
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state.approvals import Approval, record_approval
from mlops_spec.terms.verdict import Outcome, Verdict


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the name of a Model")
    parser.add_argument("--why", required=True, metavar="TEXT", help="the reason, for the record")
    parser.add_argument(
        "--as", dest="who", metavar="NAME", help="who decides (default: git's e-mail)"
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--override", action="store_true", help="let it through although a gate said no"
    )
    choice.add_argument("--reject", action="store_true", help="it must not be rolled out")
    add_environment(parser)
    parser.epilog = (
        "Examples:\n"
        '  spec approve flight-delay --why "read the card; fairness is fine"\n'
        '  spec approve flight-delay --override --why "the drop is a known label bug, OPS-12"\n'
        '  spec approve flight-delay --reject --why "wrong for the holiday season"\n\n'
        "It is about the run that the specs and the data ask for now, and its verdicts: a changed\n"
        "gate or new rows ask again. Then `spec apply` goes on."
    )


def run(arguments: argparse.Namespace) -> int:
    """Record the decision on the run that `spec apply` would go on with."""
    site = open_site(arguments)
    names = tuple(model.name for model in site.project.models)
    if arguments.model not in names:
        hint = did_you_mean(arguments.model, names)
        raise Refusal("MLS302", f"no Model named {arguments.model!r}", hint)
    standing = plan_one(site, site.model(arguments.model)).standing
    decided = _decided(site, standing, arguments)
    assert standing.run is not None
    record_approval(site.journal, standing.model, standing.run, decided)
    _report(standing, decided, arguments)
    return Exit.FINE


def _decided(site: Site, standing: Standing, arguments: argparse.Namespace) -> Approval:
    """The decision. `Refusal` MLS611 where there is nothing to decide, or not by this person."""
    asked = site.spec.approval
    who = arguments.who or _who()
    if standing.run is None or standing.gate is None:
        raise Refusal(
            "MLS611",
            f"{standing.model} has no verdicts to decide on",
            "spec apply trains and gates it",
        )
    if standing.serving:
        raise Refusal("MLS611", f"run {standing.run} serves already", "there is nothing to decide")
    if asked and asked.by and who not in asked.by:
        raise Refusal(
            "MLS611",
            f"{who!r} may not approve in {site.environment}",
            f"one of these may, with --as: {', '.join(asked.by)}",
        )
    if not arguments.why.strip():
        raise Refusal("MLS611", "the reason is empty", 'write --why "…": it is kept as evidence')
    if not arguments.reject and not arguments.override:
        _require_in_doubt_at_most(site, standing)
    return Approval(
        decision="rejected" if arguments.reject else "approved",
        gate=standing.gate_key,
        who=who,
        why=arguments.why.strip(),
        at=site.store.clock(),
        outcome=standing.gate.value,
        override=arguments.override and standing.gate is not Outcome.PASS,
        criteria=asked.criteria if asked else (),
    )


def _require_in_doubt_at_most(site: Site, standing: Standing) -> None:
    """Without --override: what passed, and what is inconclusive where the policy asks a person."""
    policy = site.model(standing.model).gates.on_inconclusive
    in_doubt = standing.gate is Outcome.INCONCLUSIVE and policy == "need_approval"
    if standing.gate is not Outcome.PASS and not in_doubt:
        raise Refusal(
            "MLS611",
            f"the gate is {standing.gate} for run {standing.run}",
            "--override lets it through all the same; the reason is kept with it",
            _lines(site, standing),
        )


def _lines(site: Site, standing: Standing) -> tuple[str, ...]:
    found = site.journal.find(standing.model, "gate", standing.gate_key)
    verdicts = found.output.get("verdicts", ()) if found else ()
    lines = (Verdict.from_json(verdict) for verdict in verdicts)
    return tuple(one.line() for one in lines if one.outcome is not Outcome.PASS)


def _who() -> str:
    """Git's e-mail address, as commits are signed with it; otherwise user and machine."""
    try:
        found = subprocess.run(
            ["git", "config", "user.email"],  # noqa: S607 - the user's own git
            capture_output=True, text=True, timeout=10, check=False,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        found = ""
    return found or f"{getpass.getuser()}@{socket.gethostname()}"


def _report(standing: Standing, decided: Approval, arguments: argparse.Namespace) -> None:
    if arguments.output == "json":
        told: dict[str, Any] = {"model": standing.model, "run": standing.run, **decided.to_json()}
        json.dump({"format_version": 1, **told}, sys.stdout, indent=2, ensure_ascii=False)
        print()
        return
    at = datetime.fromtimestamp(decided.at, UTC).isoformat(timespec="seconds")
    out = console(arguments)
    out.print(f"{standing.model} run {standing.run}: {decided.line()} ({at})", markup=False)
    for sentence in decided.criteria:
        out.print(f"  confirmed: {sentence}", markup=False)
    if decided.decision == "approved":
        out.print("Next: spec apply", markup=False)
