"""Where promtool is."""

from __future__ import annotations

import shutil


def find() -> str:
    """Its path; fails with the name of the package that has it."""
    found = shutil.which("promtool")
    assert found, (
        "promtool is missing, and nothing else reads the rules: install Debian's package "
        "`prometheus` (README, Tests)"
    )
    return found
