"""The only Jinja environment. What no quoting filter has passed cannot get into a file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mlops_spec.render.quoting import markup_filters

_PACKAGE: Final = Path(__file__).resolve().parent.parent


class UnquotedValue(Exception):
    """A template prints a value that no filter has quoted: a bug of ours."""


def templates_folder() -> Path:
    """Inside the installed package, or at the root of a checkout (editable install)."""
    installed = _PACKAGE / "_data" / "templates"
    return installed if installed.is_dir() else _PACKAGE.parent / "templates"


@functools.cache
def environment() -> Environment:
    """The environment that all templates are rendered in."""
    made = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_only_quoted,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Jinja's own filters are removed: `join`, `upper` or `safe` would build text in a template.
    made.filters = markup_filters()
    made.globals = {}
    return made


def _only_quoted(value: Any) -> Markup:
    if not isinstance(value, Markup):
        raise UnquotedValue(f"{value!r} reached the output without a quoting filter")
    return value
