"""A value as text of a language: any string comes back unchanged from that language's parser.

Only what these filters return reaches a file (see `environment`). A value that a language cannot
hold is refused with `ValueError`, never bent.
"""

from __future__ import annotations

import keyword
import math
import re
import shlex
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Undefined
from markupsafe import Markup

from mlops_spec.model.plan import Call
from mlops_spec.render.layout import group, import_list

_PYTHON_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_YAML_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_DOCKER_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@=+,~-]+")
# Plain YAML text: starts with a letter or /, has nothing that YAML gives a meaning to.
_YAML_PLAIN: Final = re.compile(r"[A-Za-z/_][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+-]+)*")
# Words that a YAML 1.1 or 1.2 parser takes for something else than text.
_YAML_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def python(value: Any) -> str:
    """A Python literal, or a call of such; `layout` breaks it into lines where it is too long."""
    match value:
        case str():
            return _python_text(value)
        case None | bool() | int():
            return repr(value)
        case float():
            return repr(_finite(value))
        case _:
            return _python_brackets(value)


def _python_brackets(value: Any) -> str:
    match value:
        case Call():
            arguments = [_python_argument(name, item) for name, item in value.arguments]
            return f"{identifier(value.name)}{group('(', arguments, ')')}"
        case tuple():
            return group("(", [python(item) for item in value], ")", lone_comma=True)
        case list():
            return group("[", [python(item) for item in value], "]")
        case Mapping():
            return group("{", [f"{python(k)}: {python(v)}" for k, v in value.items()], "}")
    raise _refused(value, "Python")


def _python_argument(name: str, value: Any) -> str:
    return f"{identifier(name)}={python(value)}" if name else python(value)


def docstring(value: str) -> str:
    """A one-line docstring; line breaks become spaces, an empty text an honest one."""
    text = comment(value) or "No description."
    escaped = "".join(_python_character(character) for character in text).replace('"', '\\"')
    return f'"""{escaped}"""'


def yaml(value: Any) -> str:
    """A YAML scalar that 1.1 and 1.2 parsers read alike."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return value if yaml_plain(value) else _yaml_quoted(value)
        case int():
            return str(int(value))
        case float():
            return yaml_number(value)
    raise _refused(value, "YAML")


def yaml_plain(text: str) -> bool:
    """Whether a text needs no quotes in YAML."""
    return bool(_YAML_PLAIN.fullmatch(text)) and text.lower() not in _YAML_WORDS


def yaml_number(value: float) -> str:
    """A float that stays one in YAML 1.1, which wants a dot before a signed exponent."""
    mantissa, e, exponent = repr(_finite(value)).partition("e")
    return (mantissa if "." in mantissa else f"{mantissa}.0") + e + exponent


def shell(value: str) -> str:
    """One word of a POSIX shell command."""
    return shlex.quote(_without_nul(value, "a shell"))


def dockerfile(value: str) -> str:
    """One word of a Dockerfile instruction such as ENV, LABEL or COPY."""
    if _DOCKER_PLAIN.fullmatch(value):
        return value
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value):
        raise ValueError(f"a Dockerfile cannot hold the control characters of {value!r}")
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def promql(value: str) -> str:
    """A string in PromQL, such as a label's value."""
    return _yaml_quoted(_text(value, "PromQL"))


def comment(value: str) -> str:
    """Text for the rest of a comment line: one line, whatever was in it."""
    kept = (c if c.isprintable() else " " for c in _text(value, "a comment"))
    return " ".join("".join(kept).split())


def identifier(value: str) -> str:
    """A Python name."""
    if not _text(value, "Python").isidentifier() or keyword.iskeyword(value):
        raise ValueError(f"{value!r} is not a Python name")
    return value


def imported(value: tuple[str, ...]) -> str:
    """The names after `from m import`, which are broken into lines where they do not fit."""
    return import_list([identifier(name) for name in value])


FILTERS: Final[dict[str, Callable[..., str]]] = {
    "python": python,
    "docstring": docstring,
    "yaml": yaml,
    "shell": shell,
    "dockerfile": dockerfile,
    "promql": promql,
    "comment": comment,
    "identifier": identifier,
    "imported": imported,
}


def markup_filters() -> dict[str, Callable[[Any], Markup]]:
    """The filters as Jinja takes them: what they return is marked as quoted."""
    return {name: _marking(quote) for name, quote in FILTERS.items()}


def _marking(quote: Callable[[Any], str]) -> Callable[[Any], Markup]:
    def quoted(value: Any) -> Markup:
        if isinstance(value, Undefined):
            str(value)  # StrictUndefined raises, and names what is missing
        return Markup(quote(value))  # noqa: S704 - quoting is what `quote` does

    return quoted


def _python_text(value: str) -> str:
    # The formatter's choice of quotes, so that it has nothing to change.
    quote = "'" if value.count('"') > value.count("'") else '"'
    body = "".join(_python_character(character) for character in value)
    return quote + body.replace(quote, f"\\{quote}") + quote


def _python_character(character: str) -> str:
    if character in _PYTHON_ESCAPES:
        return _PYTHON_ESCAPES[character]
    return character if character.isprintable() else _hex_escape(character)


def _yaml_quoted(value: str) -> str:
    return '"' + "".join(map(_yaml_character, value)) + '"'


def _yaml_character(character: str) -> str:
    if character in _YAML_ESCAPES:
        return _YAML_ESCAPES[character]
    return character if character.isprintable() else _hex_escape(character)


def _hex_escape(character: str) -> str:
    """Understood alike by Python, YAML and Go (PromQL)."""
    number = ord(character)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number that can stand in a file")
    return float(value)


def _text(value: object, language: str) -> str:
    if not isinstance(value, str):
        raise _refused(value, language)
    return value


def _without_nul(value: str, language: str) -> str:
    if "\0" in _text(value, language):
        raise ValueError(f"{language} cannot hold the NUL character of {value!r}")
    return value


def _refused(value: object, language: str) -> ValueError:
    return ValueError(f"{type(value).__name__} {value!r} has no literal in {language}")
