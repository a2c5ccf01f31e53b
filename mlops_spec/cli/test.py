"""spec test gates: would the gates of a model stop what they should?"""

from __future__ import annotations

import argparse
import json

from mlops_spec.cli.exits import Exit
from mlops_spec.cli.site import add_environment, open_site
from mlops_spec.cli.views.console import console
from mlops_spec.terms.digest import finite


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("gates",), metavar="gates", help="the gates of a model")
    parser.add_argument("model", metavar="MODEL", help="the name of a Model")
    add_environment(parser)
    parser.epilog = (
        "Takes the recorded answers of the model in production (or of the newest run that was\n"
        "gated), judges that model beside itself, then mutants of it: trained on wrong labels,\n"
        "broken in a segment, shuffled in a group, overconfident, biased, slower. Nothing is\n"
        "trained, and no model is loaded.\n\n"
        "Exit codes: 0 the gates stop every mutant whose harm shows, and never take a model to be\n"
        "better than itself; 1 they do not, or there is nothing to start from (MLS610)."
    )


def run(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    declared = site.model(arguments.model)
    # What follows takes pandas and scipy: not for a refusal.
    from mlops_spec.cli.declared import declared_gates, importable
    from mlops_spec.cli.views.selftest_text import print_selftest
    from mlops_spec.runtime.gates.selftest.run import self_test
    from mlops_spec.runtime.gates.selftest.subject import subject

    model = arguments.model
    gates = declared_gates(declared)
    live, gated = site.deployments.production(model), site.journal.steps(model, step="gate")
    with importable(site.root):
        found = self_test(model, gates, subject(site.workspace, gates, live, gated))
    if arguments.output == "json":
        told = {"format_version": 1, **found.to_json()}
        print(json.dumps(finite(told), indent=2, ensure_ascii=False))
    else:
        print_selftest(found, console(arguments))
    return Exit.FINE if found.ok else Exit.FAILED
