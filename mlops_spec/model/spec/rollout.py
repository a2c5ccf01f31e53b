"""kind: Rollout. How a version takes over, and what stops it."""

from __future__ import annotations

from typing import Literal

from mlops_spec.model.names import Name
from mlops_spec.model.spec.base import Change, SpecModel, field
from mlops_spec.model.units import Duration, Share


class Agreement(SpecModel):
    """Share of mirrored requests on which both versions decide alike."""

    min: Share = field(Change.ROLLOUT, "at least", Share(0.9))


class Shadow(SpecModel):
    """The candidate sees copies of real requests; its answers go nowhere."""

    min_requests: int = field(Change.ROLLOUT, "mirrored requests to judge on", 1000, ge=1)
    agreement: Agreement = field(Change.ROLLOUT, "how alike the versions must decide", Agreement())
    at_most: Duration = field(Change.ROLLOUT, "give up after", Duration(3600))


class Each(SpecModel):
    """What every canary step must have seen."""

    min_requests: int = field(Change.ROLLOUT, "requests answered by the candidate", 1000, ge=1)
    at_least: Duration = field(Change.ROLLOUT, "no shorter than", Duration(0))
    at_most: Duration = field(Change.ROLLOUT, "give up after, and roll back", Duration(3600))


class Canary(SpecModel):
    """The candidate answers a growing share of requests."""

    steps: tuple[Share, ...] = field(
        Change.ROLLOUT, "shares of traffic, growing, the last one 100%",
        (Share(0.05), Share(0.25), Share(1.0)), min_length=1,
    )  # fmt: skip
    each: Each = field(Change.ROLLOUT, "what every step must have seen", Each())


class AboveShare(SpecModel):
    above: Share = field(Change.ROLLOUT, "more than this stops the rollout")


class AboveDuration(SpecModel):
    above: Duration = field(Change.ROLLOUT, "more than this stops the rollout")


class AboveNumber(SpecModel):
    above: float | int = field(Change.ROLLOUT, "more than this stops the rollout", gt=0, lt=1)


class AbortWhen(SpecModel):
    """Evidence of harm on any of these rolls back; no evidence of harm is not yet a pass."""

    errors: AboveShare = field(
        Change.ROLLOUT, "failed answers of the candidate", AboveShare(above=Share(0.01))
    )
    p99: AboveDuration = field(
        Change.ROLLOUT, "99th percentile of the candidate's answer time",
        AboveDuration(above=Duration(0.1)),
    )  # fmt: skip
    score_shift: AboveNumber | None = field(
        Change.ROLLOUT, "Kolmogorov-Smirnov distance of the two arms' scores; null: not judged",
        AboveNumber(above=0.1),
    )  # fmt: skip


class RolloutSpec(SpecModel):
    """A policy: models refer to it by name."""

    kind: Literal["Rollout"] = field(Change.DOCS, "Rollout")
    name: Name = field(Change.ROLLOUT, "the name that models refer to")
    description: str = field(Change.DOCS, "what it is for", "")
    shadow: Shadow | None = field(Change.ROLLOUT, "mirror requests first", None)
    canary: Canary = field(Change.ROLLOUT, "growing shares of traffic", Canary())
    abort_when: AbortWhen = field(Change.ROLLOUT, "what rolls back", AbortWhen())
    confidence: Share = field(
        Change.ROLLOUT, "confidence of every bound, all looks together", Share(0.95)
    )
