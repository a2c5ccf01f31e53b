"""Which modules a pickle asks for, found while it is written and not by reading it."""

from __future__ import annotations

import io
import pickle
import types
from typing import Any


class _Listener(pickle.Pickler):
    """Sees every object that is not a plain value."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), protocol=5)
        self.modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        of = obj if isinstance(obj, type | types.FunctionType) else type(obj)
        self.modules.add(str(of.__module__).partition(".")[0])
        return NotImplemented


def modules_of(pipeline: Any) -> tuple[str, ...]:
    """The top-level modules that must be importable where the pipeline is loaded."""
    listener = _Listener()
    listener.dump(pipeline)
    return tuple(sorted(listener.modules - {"builtins"}))
