"""A document's values to the typed spec of its kind, or diagnostics in the language's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from mlops_spec.diagnostics import Diagnostics, did_you_mean
from mlops_spec.diagnostics.catalogue import (
    MISSING_KEY,
    NOT_A_MAPPING,
    UNKNOWN_KEY,
    UNKNOWN_KIND,
    WRONG_VALUE,
)
from mlops_spec.diagnostics.suggest import nearest
from mlops_spec.load.locate import KEY_MARK, at, first_line, in_tree, place_of
from mlops_spec.load.stand_in import stand_in
from mlops_spec.load.yaml_reader import Tree
from mlops_spec.model.names import NAME_PATTERN
from mlops_spec.model.project import Document, Heading, Loc
from mlops_spec.model.spec.base import SpecModel
from mlops_spec.model.spec.describe import Takes, one_of
from mlops_spec.model.spec.kinds import KINDS
from mlops_spec.model.spec.project import ProjectSpec

S = TypeVar("S", bound=SpecModel)
_LONGEST: Final = 60
# What other languages call a type of a column.
_OTHER_WORDS: Final[Mapping[str, str]] = {
    "string": "category", "str": "category", "text": "category", "object": "category",
    "datetime": "timestamp", "date": "timestamp", "double": "float", "number": "float",
}  # fmt: skip
# More mistakes in one document than anyone reads; without an end, a hostile one takes minutes.
_MOST: Final = 100


def parse_spec(tree: Tree, found: Diagnostics) -> Document[Any] | None:
    """One document of `specs/`; its kind decides what it may hold.

    With mistakes, which go to `found`, what is left without them; None where that is too little.
    """
    if not _is_mapping(tree, found):
        return None
    kind = tree.value.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        _unknown_kind(tree, found)
        return None
    return _checked(tree, model, found)


def heading_of(tree: Tree) -> Heading | None:
    """Kind and name of a document of `specs/`, where both are well formed."""
    if not isinstance(tree.value, dict) or not tree.broken.isdisjoint({("kind",), ("name",)}):
        return None
    kind, name = tree.value.get("kind"), tree.value.get("name")
    if not (isinstance(kind, str) and isinstance(name, str)):
        return None
    readable = kind in KINDS and re.fullmatch(NAME_PATTERN, name)
    return Heading(kind, name, tree.places) if readable else None


def parse_project(tree: Tree, found: Diagnostics) -> Document[ProjectSpec] | None:
    """mlops.yaml, which has no kind."""
    return _checked(tree, ProjectSpec, found) if _is_mapping(tree, found) else None


def _is_mapping(tree: Tree, found: Diagnostics) -> bool:
    if isinstance(tree.value, dict):
        return True
    if not tree.broken:
        message = f"a document is a mapping of `key: value`; this is {show(tree.value)}"
        found.add(NOT_A_MAPPING, message, at=first_line(tree.places.document))
    return False


def _unknown_kind(tree: Tree, found: Diagnostics) -> None:
    if ("kind",) in tree.broken:
        return
    expected = f"a kind is {one_of(KINDS)}"
    if "kind" in tree.value:
        kind = tree.value["kind"]
        help = did_you_mean(kind, KINDS) if isinstance(kind, str) else ""
        message = f"kind is {show(kind)}; {expected}"
        found.add(UNKNOWN_KIND, message, at=first_line(tree.places.value("kind")), help=help)
    else:
        place = place_of(tree.places, ())
        found.add(UNKNOWN_KIND, f"the document has no `kind`; {expected}", at=place)


def _checked(tree: Tree, model: type[S], found: Diagnostics) -> Document[S] | None:
    try:
        spec = model.model_validate(tree.value)
    except ValidationError as error:
        _Report(tree, model, found).errors(error)
        rest = stand_in(tree.value, model, error)
        return None if rest is None else Document(rest, tree.places, whole=False)
    return Document(spec, tree.places, whole=not tree.broken)


class _Report:
    """The mistakes of one document, one at a place."""

    def __init__(self, tree: Tree, model: type[SpecModel], found: Diagnostics) -> None:
        self.tree = tree
        self.model = model
        self.found = found
        self.unknown: dict[Loc, set[str]] = {}

    def errors(self, error: ValidationError) -> None:
        """Report all; a union gives an error a branch, of which the first at a place is kept."""
        reported: set[Loc] = set()
        details = error.errors(include_url=False, include_input=False)
        # The inner mistake first: a list whose only entry is wrong is not also too short.
        for detail in sorted(details, key=lambda d: (d["type"] == "missing", -len(d["loc"]))):
            if len(reported) == _MOST:
                break
            loc = in_tree(self.tree.value, detail["loc"])
            if detail["type"] == "missing":
                self._missing(detail["loc"])
            elif not _within(loc, self.tree.broken) and not _touches(loc, reported):
                reported.add(loc)
                self._one(loc, detail["type"], detail)

    def _one(self, loc: Loc, type: str, detail: Any) -> None:
        if type == "extra_forbidden":
            self._unknown(loc)
        elif KEY_MARK in detail["loc"]:
            self._wrong_key(loc)
        else:
            self._wrong(loc, detail)

    def _missing(self, loc: Loc) -> None:
        parent, key = loc[:-1], str(loc[-1])
        unknown = self.unknown.get(parent, set())
        # `nmae` is one mistake, not an unknown key and a missing one.
        if any(nearest(name, [key]) for name in unknown) or _within(parent, self.tree.broken):
            return
        info = self._model_at(parent).model_fields[key]
        message = f"{self._name(parent)} has no `{key}`"
        help = f"{key}: {info.description} ({Takes.of(info).words()})"
        self.found.add(MISSING_KEY, message, at=place_of(self.tree.places, parent), help=help)

    def _unknown(self, loc: Loc) -> None:
        parent, key = loc[:-1], str(loc[-1])
        self.unknown.setdefault(parent, set()).add(key)
        known = [name for name in self._model_at(parent).model_fields if name != "kind"]
        message = f"{self._name(parent)} has no key `{key}`"
        at = self.tree.places.key(*loc)
        self.found.add(UNKNOWN_KEY, message, at=at, help=did_you_mean(key, known))

    def _wrong_key(self, loc: Loc) -> None:
        expected = Takes(self._takes(loc[:-1]).key_type()).plain().words()
        message = f"the key {show(loc[-1])} in {self._name(loc[:-1])} is not {expected}"
        self.found.add(WRONG_VALUE, message, at=self.tree.places.key(*loc))

    def _wrong(self, loc: Loc, detail: Any) -> None:
        value = at(self.tree.value, loc)
        takes = self._takes(loc)
        name = _readable(loc)
        if detail["type"] == "value_error" and not isinstance(value, dict | tuple):
            message = f"{name}: {detail['ctx']['error']}"
        else:
            message = f"{name} is {show(value)}; it takes {takes.words()}"
        self.found.add(
            WRONG_VALUE, message, at=first_line(self.tree.places.value(*loc)),
            help=_suggestion(value, takes),
        )  # fmt: skip

    def _takes(self, loc: Loc) -> Takes:
        takes = Takes(self.model)
        for part in loc:
            takes = takes.inside(part) or Takes(Any)
        return takes

    def _model_at(self, loc: Loc) -> type[SpecModel]:
        return self._takes(loc).model() or self.model

    def _name(self, loc: Loc) -> str:
        if loc:
            return f"`{_readable(loc)}`"
        kind, name = self.tree.value.get("kind"), self.tree.value.get("name")
        shown = f" {name!r}" if isinstance(name, str) else ""
        return f"{kind}{shown}" if kind else "mlops.yaml"


def _within(loc: Loc, places: Iterable[Loc]) -> bool:
    return any(loc[: len(place)] == place for place in places)


def _touches(loc: Loc, places: Iterable[Loc]) -> bool:
    return _within(loc, places) or any(_within(place, (loc,)) for place in places)


def _suggestion(value: Any, takes: Takes) -> str:
    choices = takes.choices()
    if not isinstance(value, str):
        return ""
    best = nearest(value, choices) or _OTHER_WORDS.get(value)
    if best in choices:
        return f"did you mean {best!r}?"
    wrapped = _wrapped(value, takes)
    return f"write {wrapped}" if wrapped else ""


def _wrapped(value: str, takes: Takes) -> str:
    """A single word where a list or a mapping is taken, as it would have to be written."""
    if takes.annotation is bool:
        return {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower(), "")
    model = takes.model()
    if model is not None:
        needed = [name for name, info in model.model_fields.items() if info.is_required()]
        return f"{{{needed[0]}: {value}}}" if len(needed) == 1 else ""
    entry = takes.inside(0) if takes.is_list() else None
    return f"[{value}]" if entry and not entry.model() else ""


def _readable(loc: Loc) -> str:
    """`canary.steps[1]`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def show(value: Any) -> str:
    """A value as the user wrote it, shortened."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping" if value else "an empty mapping"
        case tuple():
            return "a list" if value else "an empty list"
        case _:
            text = repr(value)
            return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
