"""What the project asks for, computed to the last value: no YAML, no templates, no effects."""

from mlops_spec.lower.passes import PASSES, lower

__all__ = ["PASSES", "lower"]
