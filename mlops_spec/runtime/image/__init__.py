"""Images of releases: found engine, built context, pushed digest."""

from mlops_spec.runtime.image.build import Built, Heard, build
from mlops_spec.runtime.image.engine import Engine, find_engine
from mlops_spec.runtime.image.push import push, pushed_image

__all__ = ["Built", "Engine", "Heard", "build", "find_engine", "push", "pushed_image"]
