"""A valid project in which one test replaces a document; and how fixtures say what they expect."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlops_spec.cli.views import text
from mlops_spec.cli.views.sources import Sources
from mlops_spec.diagnostics import Diagnostic, SpecRejected
from mlops_spec.pipeline import compile_project

REPOSITORY: Final = Path(__file__).resolve().parent.parent
SPECS: Final = REPOSITORY / "specs"
INVALID: Final = REPOSITORY / "tests" / "invalid"
PAGES: Final = REPOSITORY / "docs" / "errors"
KINDS: Final = ("dataset", "model", "gates", "rollout", "drift")
PROJECT: Final = "mlops.yaml"
CASE: Final = "specs/case.yaml"
_NAMED: Final = re.compile(rb'^kind: *"?(\w+)"? *(?:#.*)?\nname: *"?([\w-]+)', re.MULTILINE)
_EXPECTED: Final = re.compile(rb"# error: (MLS\d{3})")


def write_project(root: Path, case: bytes = b"") -> Path:
    """The full sample project with the case's documents in the place of those of the same name.

    A case that begins with `# mlops.yaml` replaces that file; documents may follow in it, after a
    line `# specs/case.yaml`.
    """
    (root / "specs").mkdir(parents=True)
    files = _files(case)
    project = files.get(PROJECT) or (SPECS / "project.full.yaml").read_bytes()
    own = files.get(CASE, b"")
    (root / PROJECT).write_bytes(project)
    replaced = set(_NAMED.findall(own))
    for kind in KINDS:
        documents = (SPECS / f"{kind}.full.yaml").read_bytes().split(b"---\n")
        kept = [one for one in documents if not replaced & set(_NAMED.findall(one))]
        if kept:
            (root / "specs" / f"{kind}.yaml").write_bytes(b"---\n".join(kept))
    if own:
        (root / CASE).write_bytes(own)
    return root


def _files(case: bytes) -> dict[str, bytes]:
    """What a case puts into which file."""
    if not case.startswith(f"# {PROJECT}".encode()):
        return {CASE: case}
    project, _, documents = case.partition(f"\n# {CASE}\n".encode())
    return {PROJECT: project + b"\n", CASE: documents}


def found_in(root: Path) -> tuple[Diagnostic, ...]:
    """All that validation finds."""
    try:
        return tuple(compile_project(root)[1])
    except SpecRejected as rejected:
        return rejected.diagnostics


def expected_in(case: bytes) -> set[tuple[str, int, str]]:
    """(path, line, code) of every `# error: MLS…` in a case."""
    return {
        (path, number, match[1].decode())
        for path, content in _files(case).items()
        for number, line in enumerate(content.split(b"\n"), start=1)
        for match in _EXPECTED.finditer(line)
    }


def printed(root: Path, found: tuple[Diagnostic, ...]) -> str:
    """The text view, with paths as they are seen from the project's folder."""
    sources = _FromRoot(root)
    return "\n".join(text.lines(found, sources, color=False, models=None)) + "\n"


class _FromRoot(Sources):
    def shown(self, path: str) -> str:
        return path


def examples_of(page: str) -> Iterator[tuple[str, str]]:
    """(heading, YAML) of every example of a page."""
    for part in page.split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        for block in re.findall(r"```yaml\n(.*?)```", body, re.DOTALL):
            yield heading, block


def arguments(**given: object) -> argparse.Namespace:
    """Command-line arguments as `main` would have parsed them."""
    common = {"root": None, "output": "text", "color": "never", "debug": False}
    return argparse.Namespace(**{**common, **given})
