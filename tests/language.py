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
CASE: Final = "specs/case.yaml"
_NAMED: Final = re.compile(rb"^kind: *(\w+) *(?:#.*)?\nname: *([\w-]+)", re.MULTILINE)
_EXPECTED: Final = re.compile(rb"# error: (MLS\d{3})")


def write_project(root: Path, case: bytes = b"") -> Path:
    """The full sample project with the case's documents in the place of those of the same name.

    A case that begins with `# mlops.yaml` replaces that file instead.
    """
    (root / "specs").mkdir(parents=True)
    is_project = case.startswith(b"# mlops.yaml")
    project = case if is_project else (SPECS / "project.full.yaml").read_bytes()
    (root / "mlops.yaml").write_bytes(project)
    replaced = set(_NAMED.findall(case))
    for kind in KINDS:
        documents = (SPECS / f"{kind}.full.yaml").read_bytes().split(b"---\n")
        kept = [one for one in documents if not replaced & set(_NAMED.findall(one))]
        if kept:
            (root / "specs" / f"{kind}.yaml").write_bytes(b"---\n".join(kept))
    if case and not is_project:
        (root / CASE).write_bytes(case)
    return root


def found_in(root: Path) -> tuple[Diagnostic, ...]:
    """All that validation finds."""
    try:
        return tuple(compile_project(root)[1])
    except SpecRejected as rejected:
        return rejected.diagnostics


def expected_in(case: bytes) -> set[tuple[int, str]]:
    """(line, code) of every `# error: MLS…` in a case."""
    return {
        (number, match[1].decode())
        for number, line in enumerate(case.split(b"\n"), start=1)
        for match in _EXPECTED.finditer(line)
    }


def case_file(case: bytes) -> str:
    """The path at which `write_project` puts a case."""
    return "mlops.yaml" if case.startswith(b"# mlops.yaml") else CASE


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
