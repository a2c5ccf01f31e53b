"""Decisions have one number each, and what is cited is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "adr").glob("*.md"))


def test_every_decision_has_a_number_of_its_own_and_bears_it() -> None:
    numbers = [page.name[:4] for page in PAGES]

    assert sorted(set(numbers)) == numbers
    assert all(page.read_text(encoding="utf-8").startswith(f"# {page.name[:4]} ") for page in PAGES)


def test_every_decision_that_the_code_cites_is_there() -> None:
    numbers = {page.name[:4] for page in PAGES}
    cited = {
        number
        for path in (ROOT / "mlops_spec").rglob("*.py")
        for number in re.findall(r"adr/(\d{4})", path.read_text(encoding="utf-8"))
    }

    assert cited - numbers == set()
