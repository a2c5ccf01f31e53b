"""The full printed text of every case: place, excerpt, caret, help.

`python tests/messages/test_messages.py` writes the goldens again; the diff is what users will see.
"""

import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest
from language import INVALID, found_in, printed, write_project

MESSAGES = Path(__file__).resolve().parent
CASES = sorted(case.stem for case in INVALID.glob("*.yaml"))


def message_of(case: str, root: Path) -> str:
    """What a case prints."""
    write_project(root, (INVALID / f"{case}.yaml").read_bytes())
    return printed(root, found_in(root))


@pytest.mark.parametrize("case", CASES)
def test_a_case_prints_what_its_golden_says(case: str, tmp_path: Path) -> None:
    golden = (MESSAGES / f"{case}.txt").read_text(encoding="utf-8")

    assert message_of(case, tmp_path / "project") == golden


def test_there_is_no_golden_without_a_case() -> None:
    assert sorted(golden.stem for golden in MESSAGES.glob("*.txt")) == CASES


def write() -> None:
    """Write every golden again."""
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            text = message_of(case, Path(folder) / "project")
        (MESSAGES / f"{case}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
