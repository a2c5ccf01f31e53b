"""What a run's files still tell where nobody measured it then, with no model loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.declare import Consistent, Gates, ModelSize
from mlops_spec.runtime.gates.consistency import consistent
from mlops_spec.runtime.gates.evidence import Evidence
from mlops_spec.runtime.gates.measured import Agreement, Measured, Size
from mlops_spec.terms.digest import file_digest
from mlops_spec.terms.verdict import Outcome

# Why a replay does not measure now what was not measured then.
NEEDS_MODEL: Final = "that needs the model, which a replay does not load"
NEEDS_ROWS: Final = "that needs the training rows, which a replay does not read"
NEEDS_FILES: Final = "the portable model is not there any more as it was exported"


def retold(folder: Path, gates: Gates, found: Measured) -> Measured:
    """`found`, and the size of the portable model where it is what was exported."""
    asked = any(isinstance(rule, ModelSize) for rule in gates.gates)
    if not asked or found.size is not None:
        return found
    return replace(found, size=_size(folder))


def compared_at_export(folder: Path) -> tuple[Agreement, ...]:
    """The ways to the same answers that the export compared; not all that a gate would."""
    from mlops_spec.runtime.gates.measuring.parity import at_export

    exported = _exported(folder)
    try:
        return at_export(exported) if exported is not None else ()
    except (KeyError, TypeError, ValueError):
        return ()


def refuted(rule: Consistent, gates: Gates, evidence: Evidence) -> Consistent | None:
    """What of a rule some ways alone refute; None for nothing. They never make a pass."""
    limits = (replace(rule, changed=None), replace(rule, difference=None))
    refused = [
        limit
        for limit in limits
        if any(verdict.outcome is Outcome.FAIL for verdict in consistent(limit, gates, evidence))
    ]
    return rule if refused == [*limits] else next(iter(refused), None)


def _size(folder: Path) -> Size | None:
    """None where a file is gone, or where the manifest is not that of the export."""
    from mlops_spec.runtime.portable.scorer import MANIFEST

    portable, exported = folder / "portable", _exported(folder)
    try:
        if exported is None or file_digest(portable / MANIFEST) != exported["digest"]:
            return None
        # All files, as a gate counts them: not only those that the export lists.
        if not all((portable / name).is_file() for name in exported["files"]):
            return None
        return Size(sum(path.stat().st_size for path in portable.rglob("*") if path.is_file()))
    except (OSError, KeyError, TypeError):
        return None


def _exported(folder: Path) -> dict[str, Any] | None:
    """What the step `evaluate` said of the portable model."""
    try:
        found = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["portable"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None
