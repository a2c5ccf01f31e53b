"""What the tasks of the language have in common."""

from __future__ import annotations

from typing import Final

_NUMBERS: Final = frozenset({"regression", "ranking"})


def answers_a_number(task: str) -> bool:
    """Whether a model of this task says a number, and not a class with its probability."""
    return task in _NUMBERS
