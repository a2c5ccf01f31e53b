"""Where text for people goes: colour as asked for, width as the terminal has it."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console


def console(arguments: argparse.Namespace, *, stderr: bool = False) -> Console:
    """A console that obeys `--color`; without a terminal it neither wraps nor colours."""
    stream = sys.stderr if stderr else sys.stdout
    colour = {"always": True, "never": False}.get(arguments.color)
    made = Console(
        file=stream,
        force_terminal=True if colour else None,
        no_color=True if colour is False else None,
        highlight=False,
    )
    if not made.is_terminal:
        made.width = 160
        made.soft_wrap = True
    return made
