"""A user's mistake is data: a code, a place, what was found, what to do. Standard library only."""

from mlops_spec.diagnostics.catalogue import CATALOGUE, Code, Severity
from mlops_spec.diagnostics.collect import Diagnostics, SpecRejected
from mlops_spec.diagnostics.diagnostic import Diagnostic
from mlops_spec.diagnostics.span import Position, SourceText, Span
from mlops_spec.diagnostics.suggest import did_you_mean

__all__ = [
    "CATALOGUE",
    "Code",
    "Diagnostic",
    "Diagnostics",
    "Position",
    "Severity",
    "SourceText",
    "Span",
    "SpecRejected",
    "did_you_mean",
]
