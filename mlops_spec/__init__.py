"""One YAML spec per model: validated, rendered, applied, monitored, retrained."""

__version__ = "0.1.0"

__all__ = ["__version__"]
