"""YAML text to plain values with their places: YAML 1.2 core types and no surprises.

PyYAML speaks YAML 1.1 (`no` is False, `12:30` is 750, the last of two equal keys wins), so only its
events are used here; values and refusals are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from mlops_spec.diagnostics import Code, Diagnostics, Position, SourceText, Span
from mlops_spec.diagnostics.catalogue import (
    ALIAS_REFUSED,
    DUPLICATE_KEY,
    EMPTY_FILE,
    KEY_NOT_TEXT,
    NOT_TEXT,
    TAG_REFUSED,
    TOO_DEEP,
    WRONG_VALUE,
    YAML_SYNTAX,
)
from mlops_spec.load.core_types import Unusable, resolve
from mlops_spec.load.syntax_errors import explain
from mlops_spec.model.project import Loc, Places

MAX_DEPTH: Final = 24
_CORE_TAG: Final = "tag:yaml.org,2002:"  # what `!!` stands for
# What an escape such as "\ud83d" can bring in, and no file, terminal or database takes.
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WHOLE: Final = 'write the character itself, or its whole number: "\\U0001F600"'
_FIRST_LINE: Final = {"mlops.yaml": "write `project: name`, and `environments:`"}
# Control characters, and line breaks that YAML 1.1 knows and editors do not (U+0085, U+2028).
_NOT_TEXT: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
# libyaml is ten times faster; the Python parser reads again what libyaml refuses, so that
# the words of a message never depend on which of them is installed.
_PARSERS: Final[tuple[Any, ...]] = (
    *([yaml.CSafeLoader] if yaml.__with_libyaml__ else []),
    yaml.SafeLoader,
)


@dataclass(frozen=True, slots=True)
class Tree:
    """One YAML document: lists are tuples, mappings have text keys. `broken`: already reported."""

    value: Any
    places: Places
    broken: frozenset[Loc] = field(default=frozenset())


class _TooDeepError(Exception):
    """The rest of the file is not worth reading."""


def read_yaml(source: SourceText, found: Diagnostics) -> tuple[Tree, ...]:
    """Every document of a text; documents without content are left out."""
    unprintable = _NOT_TEXT.search(source.text)
    if unprintable:
        at = source.position(unprintable.start())
        found.add(
            NOT_TEXT,
            f"the character U+{ord(unprintable[0]):04X} is not text",
            at=Span.at(source.path, at.line, at.column),
            help="save the file as UTF-8 text; a binary file does not belong into specs/",
        )
        return ()
    events = _events(source, found)
    trees = tuple(_documents(source, events, found)) if events else ()
    if events and not trees:
        found.add(
            EMPTY_FILE,
            "the file holds no document",
            at=Span.at(source.path),
            help=_FIRST_LINE.get(
                source.path, "write a document that begins with `kind:`, or delete the file"
            ),
        )
    return trees


def _events(source: SourceText, found: Diagnostics) -> list[yaml.Event]:
    """The events of the parser; empty after a mistake of syntax, which is reported."""
    for parser in _PARSERS:
        try:
            return list(_bounded(yaml.parse(source.text, Loader=parser)))
        except yaml.YAMLError as error:
            failure = error
        except _TooDeepError as error:
            _report_depth(source, error, found)
            return []
    message, help, at = explain(failure, source.path)
    found.add(YAML_SYNTAX, message, at=at, help=help)
    return []


def _report_depth(source: SourceText, error: _TooDeepError, found: Diagnostics) -> None:
    mark = error.args[0]
    found.add(
        TOO_DEEP,
        f"this is nested more than {MAX_DEPTH} levels deep",
        at=Span.at(source.path, mark.line + 1, mark.column + 1),
        help="no field of the language is that deep; look for a stray [ or {",
    )


def _bounded(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _TooDeepError(event.start_mark)
        yield event


def _documents(source: SourceText, events: list[yaml.Event], found: Diagnostics) -> Iterator[Tree]:
    stream = iter(events)
    for event in stream:
        if isinstance(event, yaml.DocumentStartEvent):
            builder = _Builder(source.path, stream, found)
            first = next(stream)
            value = builder.build(first, ())
            if value is not None or builder.broken:
                document = builder.values.get((), Span.at(source.path))
                places = Places(document, builder.keys, builder.values)
                yield Tree(value, places, frozenset(builder.broken))


class _Builder:
    """Builds one document's value from the parser's events and notes where everything stands."""

    def __init__(self, path: str, stream: Iterator[yaml.Event], found: Diagnostics) -> None:
        self.path = path
        self.stream = stream
        self.found = found
        self.keys: dict[Loc, Span] = {}
        self.values: dict[Loc, Span] = {}
        self.broken: set[Loc] = set()

    def build(self, event: yaml.Event, loc: Loc) -> Any:
        self.values[loc] = self._span(event)
        self._refuse_tag(event, loc)
        match event:
            case yaml.AliasEvent():
                message = f"the alias *{event.anchor} is refused"
                self._refuse(ALIAS_REFUSED, message, loc, "write the value out where it is used")
                return None
            case yaml.SequenceStartEvent():
                return tuple(self._items(loc))
            case yaml.MappingStartEvent():
                return self._mapping(loc)
            case yaml.ScalarEvent():
                return self._scalar(event, loc)
        raise AssertionError(f"a document cannot begin with {event}")

    def _items(self, loc: Loc) -> Iterator[Any]:
        for index, event in enumerate(self.stream):
            if isinstance(event, yaml.SequenceEndEvent):
                return
            yield self.build(event, (*loc, index))

    def _mapping(self, loc: Loc) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in self.stream:
            if isinstance(event, yaml.MappingEndEvent):
                return mapping
            self._entry(event, loc, mapping)
        raise AssertionError("the parser ends every mapping")  # pragma: no cover

    def _entry(self, event: yaml.Event, loc: Loc, mapping: dict[str, Any]) -> None:
        span = self._span(event)
        key = self._key(event, loc, span)
        if key is None or key in mapping:
            if key is not None:
                self._duplicate(key, span, loc)
            # The value is read for its own mistakes; nobody will look it up.
            self._unnamed(next(self.stream), loc)
            return
        self.keys[(*loc, key)] = span
        mapping[key] = self.build(next(self.stream), (*loc, key))

    def _unnamed(self, event: yaml.Event, loc: Loc) -> None:
        _Builder(self.path, self.stream, self.found).build(event, (*loc, ""))

    def _key(self, event: yaml.Event, loc: Loc, span: Span) -> str | None:
        if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
            shown, help = "half of a character", _WHOLE
        elif isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event, loc)
            value = resolve(event.value) if event.implicit[0] else event.value
            if isinstance(value, str):
                return value
            help = f'put it in quotes: "{event.value}"' if event.value else "name the key"
            shown = f"the key {event.value}" if event.value else "an empty key"
        else:
            self._unnamed(event, loc)
            shown, help = "a list, a mapping or an alias as a key", "keys are plain text"
        self.found.add(KEY_NOT_TEXT, f"{shown} is not text", at=span, help=help)
        return None

    def _duplicate(self, key: str, span: Span, loc: Loc) -> None:
        first = self.keys[(*loc, key)]
        self.found.add(
            DUPLICATE_KEY,
            f"the key {key!r} stands twice in this mapping, first on line {first.start.line}",
            at=span,
            help="keep one of the two; a second document begins with a line `---`",
            related=((first, "first here"),),
        )

    def _scalar(self, event: yaml.ScalarEvent, loc: Loc) -> Any:
        half = _SURROGATE.search(event.value)
        if half:
            message = f"U+{ord(half[0]):04X} is half of a character"
            self._refuse(NOT_TEXT, message, loc, _WHOLE)
            return None
        if not event.implicit[0]:
            return event.value
        value = resolve(event.value)
        if isinstance(value, Unusable):
            self._refuse(WRONG_VALUE, f"{_short(event.value)} {value.why}", loc, value.help)
            return None
        return value

    def _refuse_tag(self, event: yaml.Event, loc: Loc) -> None:
        anchor = getattr(event, "anchor", None)
        if anchor and not isinstance(event, yaml.AliasEvent):
            message = f"the anchor &{anchor} is refused"
            self._refuse(ALIAS_REFUSED, message, loc, "write the value out where it is used")
        tag = getattr(event, "tag", None)
        if tag:
            at = self._span(event)
            message = f"the tag {_short(tag.replace(_CORE_TAG, '!!'))} is refused"
            self.found.add(TAG_REFUSED, message, at=at, help="write the plain value")
            self.broken.add(loc)

    def _refuse(self, code: Code, message: str, loc: Loc, help: str) -> None:
        self.found.add(code, message, at=self.values[loc], help=help)
        self.broken.add(loc)

    def _span(self, event: yaml.Event) -> Span:
        start, end = _position(event.start_mark), _position(event.end_mark)
        if end <= start:
            end = Position(start.line, start.column + 1)
        return Span(self.path, start, end)


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"
