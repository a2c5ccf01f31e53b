"""Services and rollouts as literals of rendered flows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shadow:
    min_requests: int
    min_agreement: float  # share
    at_most: float  # seconds


@dataclass(frozen=True, slots=True)
class CanaryStep:
    share: float
    min_requests: int  # answered by the candidate
    at_least: float  # seconds
    at_most: float  # seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """More than any is harm: error rate (share), p99 (seconds), score shift (KS distance)."""

    errors: float
    p99: float
    score_shift: float
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Service:
    """What is needed to start one copy of a model's service."""

    name: str
    workers: int
    max_rows: int
    timeout: float  # seconds
