"""Facts that runs on this machine left behind. Nothing here is a mistake of the user's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mlops_spec.load.discover import MAX_BYTES
from mlops_spec.model.facts import Facts

_WORKSPACES = ".spec"


def read_facts(root: Path, environment: str | None = None) -> dict[str, Facts]:
    """By model: of one environment, or of the environment here with the most held-out rows.

    What cannot be read or makes no sense is left out: the warnings then reckon without it.
    """
    found: dict[str, Facts] = {}
    for name in (environment,) if environment else _environments(root):
        for facts, model in _of(root, name):
            if model not in found or facts.held_out > found[model].held_out:
                found[model] = facts
    return found


def _environments(root: Path) -> list[str]:
    try:
        return sorted(path.name for path in (root / _WORKSPACES).iterdir())
    except OSError:
        return []


def _of(root: Path, environment: str) -> Iterator[tuple[Facts, str]]:
    for path in sorted((root / _WORKSPACES / environment / "facts").glob("*.json")):
        facts = _read(path, environment)
        if facts is not None:
            yield facts, path.stem


def _read(path: Path, environment: str) -> Facts | None:
    try:
        # A crossing of many columns may take more than a spec, but never this much.
        if path.stat().st_size > 10 * MAX_BYTES:
            return None
        return Facts.from_json(environment, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None
