"""A linked model's gates as the runtime takes them, without rendering a flow."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops_spec.lower.gate_declarations import gates
from mlops_spec.model.plan import Call
from mlops_spec.model.project import LinkedModel
from mlops_spec.runtime import declare
from mlops_spec.runtime.declare import Gates


def declared_gates(model: LinkedModel) -> Gates:
    """What the rendered train flow of the model would say as `GATES`."""
    found = _value(gates(model.gates, model.spec.task))
    assert isinstance(found, Gates)
    return found


@contextmanager
def importable(root: Path) -> Iterator[None]:
    """Let metrics of the user's be found beside mlops.yaml, as in every process of a flow."""
    sys.path.append(str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))


def _value(tree: Any) -> Any:
    """The value that a tree of calls stands for; it can call nothing but declarations."""
    match tree:
        case Call(name, arguments):
            assert name in declare.__all__, name
            return getattr(declare, name)(**{key: _value(item) for key, item in arguments})
        case tuple():
            return tuple(map(_value, tree))
        case _:
            return tree
