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
    """More than any is harm: error rate (share), p99 (seconds), score shift (KS distance).

    Without a limit the score shift is not judged.
    """

    errors: float
    p99: float
    score_shift: float | None
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Service:
    """What is needed to start one copy of a model's service."""

    name: str
    workers: int
    max_rows: int
    timeout: float  # seconds
    grpc: bool = False


@dataclass(frozen=True, slots=True)
class Signing:
    """Whose key signs evidence: its public half, and the variable that holds the private one."""

    public_key: str  # 32 bytes in base64
    key_env: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signature on a release's evidence is believed, for releases of which environment.

    `signer` is a public key (32 bytes in base64), or `workspace`: the key that was made there, or
    `nobody`: evidence must fit the model, but anybody may have written it.
    """

    environment: str
    signer: str
