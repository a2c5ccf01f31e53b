"""Breaking long Python literals into lines, the way the formatter does it.

A filter cannot know at which column its value will stand. So `group` marks where brackets may
break with control characters, which no literal holds, and `lay_out` settles it on the whole text.
"""

from __future__ import annotations

import unicodedata
from typing import Final, NamedTuple

LINE: Final = 100
INDENT: Final = 4
_OPEN, _NEXT, _CLOSE = "\x02", "\x1f", "\x03"
_LONE, _IMPORT = "\x04", "\x05"


class _Group(NamedTuple):
    """What stands between two brackets: items that stay on one line or get one each."""

    items: tuple[_Nodes, ...]
    mark: str  # _LONE, _IMPORT or ""


_Nodes = tuple["str | _Group", ...]


def group(start: str, items: list[str], end: str, *, lone_comma: bool = False) -> str:
    """Brackets around items. `lone_comma`: a single item keeps its comma, as in a tuple of one."""
    if not items:
        return start + end
    mark = _LONE if lone_comma and len(items) == 1 else ""
    return f"{start}{_OPEN}{mark}{_NEXT.join(items)}{_CLOSE}{end}"


def import_list(names: list[str]) -> str:
    """What follows `from m import`: the names, in parentheses only where they do not fit."""
    return f"{_OPEN}{_IMPORT}{_NEXT.join(names)}{_CLOSE}"


def lay_out(text: str) -> str:
    """The text with every group broken that does not fit its line."""
    if _OPEN not in text:
        return text
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    indent = len(line) - len(line.lstrip(" "))
    nodes, _ = _parse(line, 0)
    return _print(nodes, indent=indent, column=0, tail=0)


def _parse(text: str, at: int) -> tuple[_Nodes, int]:
    """The nodes from `at` up to what ends them, and where that stands."""
    nodes: list[str | _Group] = []
    start = at
    while at < len(text) and text[at] not in (_NEXT, _CLOSE):
        if text[at] == _OPEN:
            nodes.append(text[start:at])
            found, at = _parse_group(text, at + 1)
            nodes.append(found)
            start = at
        else:
            at += 1
    nodes.append(text[start:at])
    return tuple(nodes), at


def _parse_group(text: str, at: int) -> tuple[_Group, int]:
    mark = text[at] if text[at] in (_LONE, _IMPORT) else ""
    items: list[_Nodes] = []
    at += len(mark)
    while True:
        nodes, at = _parse(text, at)
        items.append(nodes)
        if text[at] == _CLOSE:
            return _Group(tuple(items), mark), at + 1
        at += 1


def _print(nodes: _Nodes, *, indent: int, column: int, tail: int) -> str:
    """The nodes from `column` on; `tail` columns must stay free after them."""
    text = ""
    for index, node in enumerate(nodes):
        rest = width(_flat(nodes[index:])) + tail
        match node:
            case str():
                text += node
            case _Group() if column + width(text.rpartition("\n")[2]) + rest <= LINE:
                text += _flat((node,))
            case _Group():
                text += _broken(node, indent)
                column = 0
    return text


def _broken(found: _Group, indent: int) -> str:
    start, end = ("(", ")") if found.mark == _IMPORT else ("", "")
    within = indent + INDENT
    lines = (
        " " * within + _print(item, indent=within, column=within, tail=1) + ",\n"
        for item in found.items
    )
    return f"{start}\n{''.join(lines)}{' ' * indent}{end}"


def _flat(nodes: _Nodes) -> str:
    return "".join(node if isinstance(node, str) else _flat_group(node) for node in nodes)


def _flat_group(found: _Group) -> str:
    return ", ".join(map(_flat, found.items)) + ("," if found.mark == _LONE else "")


def width(text: str) -> int:
    """Columns that a text takes, as the formatter counts them: wide characters two, marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
