"""What was measured beside the answers, each by a rule's own wish: None where nothing asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """Nothing was measured."""
