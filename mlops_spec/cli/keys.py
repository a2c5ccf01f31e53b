"""spec keys: a new pair that signs evidence, and where each half belongs. Writes no file."""

from __future__ import annotations

import argparse
import json
from typing import Final

from mlops_spec.cli.exits import Exit

KEY_ENV: Final = "MLOPS_SPEC_SIGNING_KEY"

_TEXT: Final = """\
The public half goes into mlops.yaml, and is reviewed like any other change:

  environments:
    {environment}:
      signing:
        public_key: {public}
        key_env: {variable}

The private half goes into the secrets of the place where `spec apply` and the flows run.
Keep it nowhere else, and never in the repository:

  export {variable}={private}

Another key is another release: the next `spec apply` packages and rolls out again."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which environment the text names, and the variable."""
    parser.add_argument(
        "--env", metavar="NAME", default="production", help="the environment (default: production)"
    )
    parser.add_argument(
        "--key-env", metavar="NAME", default=KEY_ENV,
        help=f"the variable that will hold the private key (default: {KEY_ENV})",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Print a pair on stdout; it is kept nowhere."""
    from mlops_spec.runtime.evidence.keys import new_pair

    private, public = new_pair()
    if arguments.output == "json":
        pair = {"public_key": public, "private_key": private, "key_env": arguments.key_env}
        print(json.dumps({"format_version": 1, **pair}))
        return Exit.FINE
    print(
        _TEXT.format(
            environment=arguments.env, variable=arguments.key_env, public=public, private=private
        )
    )
    return Exit.FINE
