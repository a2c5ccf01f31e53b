"""Monitoring and retraining as literals of rendered flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Drift:
    window: float  # seconds
    min_rows: int
    ks: float
    psi: float
    confidence: float
    baseline: float  # seconds after promotion
    performance_window: float  # seconds
    drop: float  # relative
    performance_min_rows: int


@dataclass(frozen=True, slots=True)
class Retrain:
    when: tuple[Literal["drift", "performance"], ...]
    cooldown: float  # seconds
    budget: int
    budget_seconds: float
