"""Where generated files and the record of them lie."""

from __future__ import annotations

from typing import Final

GENERATED: Final = "generated"
MANIFEST_NAME: Final = ".manifest.json"


def manifest_path(environment: str) -> str:
    """The record of what was rendered for an environment, relative to the project root."""
    return f"{GENERATED}/{environment}/{MANIFEST_NAME}"
