"""Digests: what names a thing by its content."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values, equal text.

    `ValueError` on NaN and infinities, which JSON does not have.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(*parts: Any) -> str:
    """The first 16 hex digits (64 bits) of the SHA-256 of the parts' canonical JSON."""
    return hashlib.sha256(canonical(list(parts)).encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """The whole SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def finite(value: Any) -> Any:
    """The value with every NaN and infinity replaced by None, so that JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
