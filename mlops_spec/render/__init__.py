"""Artifacts to text. Every value passes a quoting filter; equal plans give equal bytes."""

from mlops_spec.render.render import render
from mlops_spec.render.templates import render_artifact
from mlops_spec.render.wellformed import IllFormed

__all__ = ["IllFormed", "render", "render_artifact"]
