"""Facts across fields and documents: one rule, one function, one code."""

from __future__ import annotations

from typing import Final

from mlops_spec.link.scope import Rule

RULES: Final[tuple[Rule, ...]] = ()
