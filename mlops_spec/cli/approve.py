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

from mlops_spec.apply.look import context_of, standing_of
from mlops_spec.apply.site import Site
from mlops_spec.apply.standing import Standing
from mlops_spec.cli.exits import Exit
from mlops_spec.cli.site import add_environment, open_site
from mlops_spec.cli.views.console import console
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state.approvals import Approval, how_to_approve, record_approval
from mlops_spec.terms.verdict import Outcome, Verdict


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the name of a Model")
    parser.add_argument("--why", required=True, metavar="TEXT", help="the reason, for the record")
    parser.add_argument(
        "--as", dest="who", metavar="NAME", help="who decides (default: git's e-mail)"
    )
    parser.add_argument(
        "--confirm", action="append", default=[], metavar="TEXT",
        help="a criterion of the environment that is met, or how it begins; once for each",
    )  # fmt: skip
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--override", action="store_true", help="let it through although a gate said no"
    )
    choice.add_argument("--reject", action="store_true", help="it must not be rolled out")
    add_environment(parser)
    parser.epilog = (
        "Examples:\n"
        '  spec approve flight-delay --why "fairness is fine" --confirm "The card was read."\n'
        '  spec approve flight-delay --override --why "the drop is a known label bug, OPS-12"\n'
        '  spec approve flight-delay --reject --why "wrong for the holiday season"\n\n'
        "It is about the run that the specs and the data ask for now, and its verdicts: a changed\n"
        "gate or new rows ask again. Then `spec apply` goes on."
    )


def run(arguments: argparse.Namespace) -> int:
    """Record the decision on the run that `spec apply` would go on with."""
    site = open_site(arguments)
    standing = standing_of(site, site.model(arguments.model))
    decided = _decided(site, standing, arguments)
    assert standing.run is not None
    _record(site, standing.model, standing.run, decided)
    _report(standing, decided, arguments)
    if decided.decision == "rejected":  # what is approved is told when it is promoted
        _tell_registry(site, standing.model, standing.run)
    return Exit.FINE


def _record(site: Site, model: str, run: str, decided: Approval) -> None:
    """The decision, and the card again with it on it; what follows takes pandas and scipy.

    The old card goes first, so that a kill leaves none rather than one without the decision:
    `spec card` writes one that is gone.
    """
    card = site.workspace.card(run)
    written = card.exists()
    card.unlink(missing_ok=True)
    record_approval(site.journal, model, run, decided)
    if written:
        from mlops_spec.runtime.card.write import write_card

        write_card(context_of(site, site.model(model)), run)


def _tell_registry(site: Site, model: str, run: str) -> None:
    """The version says what was decided on it, where there is one. What is recorded stays so."""
    if not any(
        s.output.get("version") for s in site.journal.steps(model, step="register", run=run)
    ):
        return
    from mlops_spec.runtime.train.registry import tag_again

    try:
        tag_again(context_of(site, site.model(model)), run, site.spec.registry)
    except Refusal as refusal:
        raise Refusal(
            refusal.code,
            f"the decision is recorded; the model registry does not show it: {refusal.message}",
            f"{refusal.help}; then decide once more, and the newest decision counts",
        ) from refusal


def _decided(site: Site, standing: Standing, arguments: argparse.Namespace) -> Approval:
    """The decision. `Refusal` MLS611 where there is nothing to decide, or not by this person."""
    asked = site.spec.approval
    who = arguments.who or who_asks()
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
    asked_for = asked.criteria if asked else ()
    confirmed = _confirmed(asked_for, arguments.confirm)
    if not arguments.reject:
        _require_all(site, standing.model, asked_for, confirmed)
    return Approval(
        decision="rejected" if arguments.reject else "approved",
        gate=standing.gate_key,
        who=who,
        why=arguments.why.strip(),
        at=site.store.clock(),
        outcome=standing.gate.value,
        override=arguments.override and standing.gate is not Outcome.PASS,
        criteria=confirmed,
    )


def _confirmed(criteria: tuple[str, ...], said: list[str]) -> tuple[str, ...]:
    """The criteria that were named, in their order. `Refusal` for a text that names not one."""
    named = set[str]()
    for words in said:
        start = words.strip().casefold()
        found = [c for c in criteria if start and c.casefold().startswith(start)]
        if len(found) != 1 and words not in criteria:
            raise Refusal(
                "MLS611",
                f"--confirm {words!r} names {len(found) or 'none'} of the criteria, expected one",
                "write a criterion as mlops.yaml has it, or how it begins",
                tuple(f"to confirm: {sentence}" for sentence in criteria),
            )
        named.add(words if words in criteria else found[0])
    return tuple(sentence for sentence in criteria if sentence in named)


def _require_all(
    site: Site, model: str, criteria: tuple[str, ...], confirmed: tuple[str, ...]
) -> None:
    """Who approves says of every criterion that it is met."""
    open_ones = tuple(sentence for sentence in criteria if sentence not in confirmed)
    if open_ones:
        raise Refusal(
            "MLS611",
            f"{len(open_ones)} of {len(criteria)} criteria of {site.environment} are not confirmed",
            how_to_approve(model, criteria, "" if site.is_default else site.environment),
            tuple(f"to confirm: {sentence}" for sentence in open_ones),
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


def who_asks() -> str:
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
