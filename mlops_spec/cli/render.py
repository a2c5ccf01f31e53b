"""`spec render`: write the generated files, or say how they differ from the specs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlops_spec.cli.exits import Exit
from mlops_spec.cli.views import show
from mlops_spec.cli.views.tree_diff import diff_lines, first_difference
from mlops_spec.diagnostics import Code, Diagnostic, Span
from mlops_spec.diagnostics.catalogue import EDITED_FILE, STALE_FILE
from mlops_spec.model.files import FileSet
from mlops_spec.pipeline import compile_project, project_root, render_project
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.targets.filesystem import FileStatus, TreeState, tree_state, write_tree

Rendered = dict[str, FileSet]  # by environment

_RENDER: Final = "run `spec render` and commit the result"
_FINDINGS: Final[dict[FileStatus, tuple[Code, str, str]]] = {
    FileStatus.MISSING: (STALE_FILE, "not there, though the specs render it", _RENDER),
    FileStatus.STALE: (STALE_FILE, "not what the specs render to", _RENDER),
    FileStatus.LEFTOVER: (STALE_FILE, "there, though the specs do not render it any more", _RENDER),
    FileStatus.EXTRA: (
        STALE_FILE, "beside the generated files, and no spec renders it", "move it elsewhere"
    ),
    FileStatus.EDITED: (
        EDITED_FILE, "edited by hand",
        "put the change into the spec; `spec render --force` gives the edit up",
    ),
}  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--env", metavar="NAME", help="one environment (default: all of them)")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when a file differs"
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that were edited by hand"
    )
    parser.epilog = "Exit codes: 0 all files are what the specs render to, 1 they are not."


def run(arguments: argparse.Namespace) -> int:
    """Everything is rendered and compared before the first file is written."""
    root = project_root(arguments.root)
    project, warnings = compile_project(root)
    names = _environments(arguments.env, list(project.environments))
    rendered = {name: render_project(project, name) for name in names}
    states = {name: tree_state(root, files) for name, files in rendered.items()}
    found = tuple(_refused(root, rendered, states, arguments))
    if found:
        show((*warnings, *found), arguments)
        if arguments.output == "text":
            _print_diffs(root, rendered, found)
        return Exit.FAILED
    if len(warnings) and arguments.output == "text":
        show(tuple(warnings), arguments)
    if not arguments.check:
        for files in rendered.values():
            write_tree(root, files, force=arguments.force)
    _print_outcome(rendered, states, arguments)
    return Exit.FINE


def _environments(asked: str | None, known: list[str]) -> list[str]:
    if asked is not None and asked not in known:
        raise Refusal(
            "MLS302", f"no environment named {asked!r}", f"mlops.yaml has: {', '.join(known)}"
        )
    return [asked] if asked else known


def _refused(
    root: Path, rendered: Rendered, states: dict[str, TreeState], arguments: argparse.Namespace
) -> Iterator[Diagnostic]:
    """What keeps the command from its end: with --check any difference, otherwise hand edits."""
    if arguments.check:
        wanted = set(FileStatus) - {FileStatus.FRESH}
    else:
        wanted = set() if arguments.force else {FileStatus.EDITED}
    for name, state in states.items():
        for path, status in state.statuses:
            if status in wanted:
                code, message, help = _FINDINGS[status]
                line = first_difference(root / path, rendered[name].texts.get(path, ""))
                yield Diagnostic(code, message, Span.at(path, line), help)


def _print_diffs(root: Path, rendered: Rendered, found: tuple[Diagnostic, ...]) -> None:
    texts = {path: text for files in rendered.values() for path, text in files}
    paths = [diagnostic.span.path for diagnostic in found if diagnostic.span]
    for line in diff_lines(root, {path: texts.get(path, "") for path in paths}):
        print(line)


def _print_outcome(
    rendered: Rendered, states: dict[str, TreeState], arguments: argparse.Namespace
) -> None:
    if arguments.output == "json":
        changes = {
            name: {"written": [*state.to_write, *state.edited], "removed": list(state.to_remove)}
            for name, state in states.items()
        }
        print(json.dumps({"format_version": 1, "environments": changes}, indent=2))
        return
    for name, state in states.items():
        written = len(state.to_write) + len(state.edited)
        removed = f", {len(state.to_remove)} removed" if state.to_remove else ""
        print(f"{name}: {len(rendered[name].texts)} files, {written} written{removed}")
