"""Every code has a page of one form, and the examples of the language's codes are run."""

from pathlib import Path

import pytest
from language import PAGES, examples_of, found_in, write_project

from mlops_spec.diagnostics import CATALOGUE

HEADINGS = [
    "What it says", "Why it matters", "Example that fails", "Example that works", "How to fix",
]  # fmt: skip
EXAMPLES = [
    (page.stem, heading, example)
    for page in sorted(PAGES.glob("*.md"))
    for heading, example in examples_of(page.read_text(encoding="utf-8"))
]


def test_the_pages_are_those_of_the_catalogue() -> None:
    assert sorted(page.stem for page in PAGES.glob("*.md")) == sorted(CATALOGUE)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_a_page_has_the_title_and_five_headings(code: str) -> None:
    lines = (PAGES / f"{code}.md").read_text(encoding="utf-8").splitlines()

    assert lines[0] == f"# {code}: {CATALOGUE[code].title}"
    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize(("code", "heading", "example"), EXAMPLES)
def test_an_example_fails_or_works_as_its_heading_says(
    code: str, heading: str, example: str, tmp_path: Path
) -> None:
    found = {d.code.id for d in found_in(write_project(tmp_path / "project", example.encode()))}

    assert found == ({code} if heading == "Example that fails" else set())


def test_codes_that_a_document_can_show_have_runnable_examples() -> None:
    runnable = {code for code, _, _ in EXAMPLES}

    assert sorted(c for c in CATALOGUE if c < "MLS4" and c not in runnable) == [
        "MLS101", "MLS102", "MLS103", "MLS110", "MLS111", "MLS339",
    ]  # fmt: skip
