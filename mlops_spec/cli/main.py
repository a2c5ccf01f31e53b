"""Arguments to a command, and what it came to, to an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from mlops_spec import __version__
from mlops_spec.cli.exits import Exit

# name -> (module with `configure(parser)` and `run(arguments) -> int`, what it does)
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "validate": ("mlops_spec.cli.validate", "check every spec; say all that is wrong at once"),
    "render": ("mlops_spec.cli.render", "write the generated files, or --check them"),
    "plan": ("mlops_spec.cli.plan", "what apply would do, and why; changes nothing"),
    "apply": ("mlops_spec.cli.apply", "do it; the same command finishes what was cut off"),
    "run": ("mlops_spec.cli.run", "one flow now: train, rollout, monitor or batch"),
    "test": ("mlops_spec.cli.test", "whether the gates of a model stop what they should"),
    "image": ("mlops_spec.cli.image", "build the image of what would be released; --push it"),
    "card": ("mlops_spec.cli.card", "the model card of a run: what it is, what was decided"),
    "approve": ("mlops_spec.cli.approve", "let a candidate through, or not; says who and why"),
    "rollback": ("mlops_spec.cli.rollback", "let the release before serve again, in seconds"),
    "status": ("mlops_spec.cli.status", "what is live, why, and since when"),
    "down": ("mlops_spec.cli.down", "end every process of an environment; its data stays"),
    "keys": ("mlops_spec.cli.keys", "a new pair of keys that signs evidence, and where it belongs"),
    "explain": ("mlops_spec.cli.explain", "what a code, a kind or a field means"),
    "schema": ("mlops_spec.cli.schema", "the JSON Schema of a kind, for editors"),
}


_START: Final = """\
In the folder of mlops.yaml:
  spec validate                 look for mistakes
  spec plan                     what would be done
  spec apply                    do it
  spec status                   what is live
  spec run monitor MODEL        look for drift now

spec COMMAND --help says more about a command; spec explain Model, about the language.
"""


class _Parser(argparse.ArgumentParser):
    """argparse leaves with 2 on a usage error, which --detailed-exitcode uses for "changes"."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its outcome is the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        parsed = _parser(given).parse_args(given)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return _guarded(parsed)


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="spec",
        description="One YAML spec per model: validated, rendered, applied, monitored, retrained.",
        epilog=_START,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"spec {__version__}")
    _common(parser, given_before_command=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = next((word for word in given if word in COMMANDS), None)
    for name, (module, doc) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=doc,
            description=_sentence(doc),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # Only the command that was named is imported: `spec --version` takes a blink.
        if name == named:
            importlib.import_module(module).configure(command)
        # After the command's own options, which are what its help is read for.
        _common(command, given_before_command=False)
    return parser


def _sentence(doc: str) -> str:
    return f"{doc[0].upper()}{doc[1:]}."


def _common(asked: argparse.ArgumentParser, *, given_before_command: bool) -> None:
    """The options that may stand before or behind the command."""
    parser = asked.add_argument_group("for every command")

    def default(value: Any) -> Any:
        return value if given_before_command else argparse.SUPPRESS

    parser.add_argument(
        "--root", type=Path, metavar="DIR", default=default(None), help="the folder of mlops.yaml"
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "github"), default=default("text"),
        help="for people, programs or GitHub's annotations",
    )  # fmt: skip
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default=default("auto"),
        help="auto: on a terminal, unless NO_COLOR is set",
    )  # fmt: skip
    parser.add_argument(
        "--debug", action="store_true", default=default(False), help="show tracebacks"
    )


def _guarded(arguments: argparse.Namespace) -> int:
    module = importlib.import_module(COMMANDS[arguments.command][0])
    try:
        outcome = int(module.run(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`head`) has seen enough. The interpreter flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FINE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except Exception as error:
        from mlops_spec.cli.failure import report

        return report(error, arguments)
    return outcome
