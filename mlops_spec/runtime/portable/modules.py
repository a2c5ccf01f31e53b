"""Which modules a pickle asks for, found while it is written and not by reading it."""

from __future__ import annotations

import io
import pickle
import types
from typing import Any, Final

# Where compiled modules keep the types of their functions, such as `_cython_3_2_5`.
OF_CYTHON: Final = "_cython_"


class _Listener(pickle.Pickler):
    """Sees every object that is not a plain value."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), protocol=5)
        self.modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        of = obj if isinstance(obj, type | types.FunctionType) else type(obj)
        if str(of.__module__).startswith(OF_CYTHON):
            of = obj  # the type is of no module that could be imported: the function has one
        self.modules.add(str(of.__module__).partition(".")[0])
        return NotImplemented


def modules_of(pipeline: Any) -> tuple[str, ...]:
    """The top-level modules that must be importable where the pipeline is loaded."""
    listener = _Listener()
    listener.dump(pipeline)
    return tuple(sorted(listener.modules - {"builtins"}))
