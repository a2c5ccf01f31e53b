"""spec rollback: the release that served before serves again, in seconds."""

from __future__ import annotations

import argparse
import json

from mlops_spec.apply.go_back import go_back
from mlops_spec.cli.approve import who_asks
from mlops_spec.cli.exits import Exit
from mlops_spec.cli.site import add_environment, open_site
from mlops_spec.state import Lease


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the name of a Model")
    parser.add_argument("--why", required=True, metavar="TEXT", help="the reason, for the record")
    parser.add_argument("--as", dest="who", metavar="NAME", help="who asks (default: git's e-mail)")
    add_environment(parser)
    parser.epilog = (
        "Example:\n"
        '  spec rollback flight-delay --why "complaints from the call centre, OPS-31"\n\n'
        "Nothing is trained or built. The release that is left is kept out; `spec apply --retry`\n"
        "brings it back. Exit codes: 0 the one before answers again, 1 there is none."
    )


def run(arguments: argparse.Namespace) -> int:
    site = open_site(arguments)
    site.model(arguments.model)
    with Lease(site.store, f"apply/{site.environment}", "spec rollback"):
        done = go_back(
            site,
            arguments.model,
            who=arguments.who or who_asks(),
            why=arguments.why.strip(),
            note=lambda text: None if arguments.output == "json" else print(text),
        )
    if arguments.output == "json":
        print(json.dumps({"format_version": 1, **done.to_json()}, ensure_ascii=False))
        return Exit.FINE
    print(
        f"{done.model}: version {done.back.version} (release {done.back.release}) serves,"
        f" version {done.refused.version} is kept out: {done.reason}"
    )
    return Exit.FINE
