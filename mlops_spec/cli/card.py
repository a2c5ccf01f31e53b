"""spec card: the page that says what a model is, how it was judged, and what was not looked at."""

from __future__ import annotations

import argparse
import json
import os

from mlops_spec.cli.exits import Exit
from mlops_spec.cli.site import add_environment, environment_name
from mlops_spec.diagnostics import did_you_mean
from mlops_spec.pipeline import project_root, read_project
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Journal, Step, Store
from mlops_spec.terms.workspace import Workspace


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the name of a Model")
    parser.add_argument(
        "run", metavar="RUN", nargs="?", default="",
        help="a run, the first digits of one, or a version (default: the newest one judged)",
    )  # fmt: skip
    parser.add_argument(
        "--again", action="store_true", help="write it anew from what is recorded now"
    )
    add_environment(parser)
    parser.epilog = (
        "Prints the path of one HTML file without any outside part. It is written when a run is\n"
        "registered, also of a candidate that did not pass; one that is gone is written again.\n\n"
        "Examples:\n"
        "  spec card flight-delay             the newest candidate\n"
        "  spec card flight-delay 2           version 2\n"
        "  spec card flight-delay 83f3 --again"
    )


def run(arguments: argparse.Namespace) -> int:
    root = project_root(arguments.root)
    project = read_project(root)
    name = environment_name(project, arguments.env)
    workspace = Workspace.of(root, name)
    variable = project.environments[name].state_env
    url = os.environ.get(variable) if variable else None
    if url is None and not workspace.state.exists():
        raise Refusal("MLS602", f"nothing was trained in {name!r}", "run `spec apply` first")
    store = Store(url) if url else Store.at(workspace.state)
    try:
        found = _run(Journal(store, name), arguments.model, arguments.run)
        path = workspace.card(found)
        if arguments.again or not path.exists():
            _write(store, workspace, arguments.model, found)
    finally:
        store.close()
    if arguments.output == "json":
        told = {"format_version": 1, "model": arguments.model, "run": found, "card": str(path)}
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print(path)
    return Exit.FINE


def _run(journal: Journal, model: str, asked: str) -> str:
    """The run that was asked for. `Refusal` where there is none, or several begin so."""
    if model not in journal.models():
        hint = did_you_mean(model, journal.models())
        raise Refusal("MLS302", f"no run of a Model named {model!r} is recorded", hint)
    judged = [step.run for step in _done(journal, model, "gate")]
    if not judged:
        raise Refusal("MLS602", f"no run of {model!r} was judged yet", "run `spec apply` first")
    if not asked:
        return judged[-1]
    named = {str(s.output.get("version", "")): s.run for s in _done(journal, model, "register")}
    if asked in named:
        return named[asked]
    found = sorted({run for run in judged if run.startswith(asked)})
    if len(found) == 1:
        return found[0]
    if found:
        raise Refusal("MLS302", f"{asked!r} begins {len(found)} runs: {', '.join(found)}",
                      "write more of its digits")  # fmt: skip
    versions = [version for version in named if version]
    raise Refusal(
        "MLS302",
        f"{model!r} has no version and no judged run {asked!r}",
        did_you_mean(asked, [*versions, *dict.fromkeys(judged)]),
    )


def _done(journal: Journal, model: str, step: str) -> list[Step]:
    return [found for found in journal.steps(model, step=step) if found.status == "done"]


def _write(store: Store, workspace: Workspace, model: str, run: str) -> None:
    """What follows takes pandas and scipy: only where a page has to be made."""
    from mlops_spec.runtime.card.write import write_card
    from mlops_spec.runtime.context import Context

    if not workspace.run(run).exists():
        raise Refusal(
            "MLS701", f"{workspace.run(run)} is gone, so there is nothing to write a card of",
            "a run that was made on another machine has its card in the registry",
        )  # fmt: skip
    write_card(Context(model, workspace.root.parent.parent, workspace, store, {}), run)
