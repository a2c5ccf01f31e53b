"""What the YAML parser says, in words that tell what to do."""

from __future__ import annotations

from typing import Final

import yaml

from mlops_spec.diagnostics import Span

# A part of the parser's sentence -> what happened, what to do. The first that fits is taken.
_SENTENCES: Final = (
    ("cannot start any token", "\t", "a tab stands where YAML takes spaces",
     "replace the tabs of the indentation by spaces"),
    ("mapping values are not allowed", "", "a second `:` in one place",
     "put the value in quotes if it holds `: `; otherwise check the indentation"),
    ("could not find expected ':'", "", "a line is not `key: value`",
     "a key needs a `:` and a space behind it"),
    ("expected <block end>", "", "the indentation does not fit the lines above",
     "keys of one mapping begin in the same column"),
    ("expected ',' or ']'", "", "a list that begins with `[` is not closed", "close it with `]`"),
    ("expected ',' or '}'", "", "a mapping that begins with `{` is not closed",
     "close it with `}`"),
    ("expected the node content", "", "a value is missing here", "write a value, or null"),
    ("unexpected end of stream", "", "a quoted text is not closed", "close the quote"),
    ("cannot start any token", "", "a value cannot begin with this character",
     "put the value in quotes"),
    ("unknown escape character", "", "a backslash in double quotes begins no known escape",
     "use single quotes, or double the backslash"),
)  # fmt: skip


_OPENED: Final = ("flow sequence", "flow mapping", "quoted scalar")


def explain(error: yaml.YAMLError, path: str) -> tuple[str, str, Span]:
    """Message, help and place of a mistake of syntax."""
    mark = getattr(error, "problem_mark", None)
    context = str(getattr(error, "context", None))
    # What is left open is best shown where it was opened.
    if any(opened in context for opened in _OPENED):
        mark = getattr(error, "context_mark", None) or mark
    at = Span.at(path, mark.line + 1, mark.column + 1) if mark else Span.at(path)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    for part, also, message, help in _SENTENCES:
        if part in problem and (not also or repr(also) in problem):
            return message, help, at
    return f"the YAML does not parse: {problem}", "", at
