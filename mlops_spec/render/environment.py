"""The only Jinja environment. What no quoting filter has passed cannot get into a file."""

from __future__ import annotations

import functools
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mlops_spec.render.quoting import markup_filters
from mlops_spec.terms.package_data import data_dir


class UnquotedValue(Exception):
    """A template prints a value that no filter has quoted: a bug of ours."""


@functools.cache
def environment() -> Environment:
    """The environment that all templates are rendered in."""
    made = Environment(
        loader=FileSystemLoader(data_dir("templates")),
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
