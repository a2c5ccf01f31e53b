"""What a power warning says to write, written: the warning is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from language import CASE, INVALID, found_in, write_project

from mlops_spec.diagnostics import Diagnostic

CASES = sorted(INVALID.glob("MLS33[0-3]_*.yaml"))
# `margin: 1.8pp`, `max: 0.27`, `no_worse_by: 18pp`, `min_rows: 50`
ADVICE = re.compile(
    r"(?:[Ww]rite|held to|or write)[^.;]*?\b((?:margin|max|min|no_worse_by): [\d.]+(?:pp|%)?)"
)


def advised(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    """(key, value) of everything that the help says to write."""
    start = ADVICE.search(diagnostic.help)
    if start is None:
        return []
    told = diagnostic.help[start.start() :]
    pairs = re.findall(r"\b(margin|max|min|no_worse_by): ([\d.]*\d(?:pp|%)?)", told)
    return list(dict(reversed(pairs)).items())


def followed(text: str, diagnostic: Diagnostic) -> str:
    assert diagnostic.span is not None
    lines = text.split("\n")
    place = diagnostic.span.start.line - 1
    for key, value in advised(diagnostic):
        lines[place] = re.sub(rf"\b{key}: [\d.]+(?:pp|%)?", f"{key}: {value}", lines[place])
    return "\n".join(lines)


def of_the_case(root: Path) -> list[Diagnostic]:
    return [d for d in found_in(root) if d.span and d.span.path == CASE]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_what_the_help_says_to_write_silences_the_warning(case: Path, tmp_path: Path) -> None:
    text = case.read_text(encoding="utf-8")
    for number, told in enumerate(of_the_case(write_project(tmp_path / "told", text.encode()))):
        changed = followed(text, told)
        if changed == text:
            assert "min_rows" in told.help
            continue
        left = of_the_case(write_project(tmp_path / str(number), changed.encode()))
        assert told.span is not None
        again = [d for d in left if d.span and d.span.start.line == told.span.start.line]
        assert [str(d) for d in again if d.message.split()[0] == told.message.split()[0]] == []


def test_the_cases_give_advice_that_can_be_followed(tmp_path: Path) -> None:
    given = [
        pair
        for case in CASES
        for told in of_the_case(write_project(tmp_path / case.stem, case.read_bytes()))
        for pair in advised(told)
    ]

    assert {key for key, _ in given} == {"margin", "max", "min", "no_worse_by"}
    assert len(given) >= 15
