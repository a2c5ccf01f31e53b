"""Amounts as Kubernetes writes them itself, so that what is rendered reads as what is there."""

from __future__ import annotations

from typing import Final

from mlops_spec.model.units import Bytes

_UNITS: Final = (("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000))


def cores(cpu: float) -> str:
    """CPUs: whole ones, or thousandths."""
    thousandths = round(cpu * 1000)
    whole, rest = divmod(thousandths, 1000)
    return f"{thousandths}m" if rest else str(whole)


def size(amount: Bytes) -> str:
    """Bytes, in the largest unit of which they are a whole number."""
    return next(
        (f"{amount.count // many}{unit}" for unit, many in _UNITS if amount.count % many == 0),
        str(amount.count),
    )
