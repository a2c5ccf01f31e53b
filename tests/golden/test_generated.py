"""The schemas and the reference are what the models say now."""

from __future__ import annotations

from pathlib import Path

import pytest
from generate import generated


@pytest.mark.parametrize(("path", "text"), generated().items(), ids=lambda value: str(value)[-24:])
def test_a_generated_file_is_up_to_date(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run `make golden`"
