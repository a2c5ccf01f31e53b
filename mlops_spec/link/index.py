"""Documents by kind and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import DUPLICATE_NAME
from mlops_spec.model.project import Document, Heading

Index = Mapping[str, Mapping[str, Document[Any]]]


def index(
    specs: Sequence[Document[Any]], shipped: Iterable[Document[Any]], found: Diagnostics
) -> Index:
    """Kind -> name -> document. A project's own policy replaces a shipped one of the same name."""
    by_kind: dict[str, dict[str, Document[Any]]] = {}
    for document in shipped:
        by_kind.setdefault(document.spec.kind, {})[document.spec.name] = document
    own: dict[tuple[str, str], Document[Any]] = {}
    for document in specs:
        own.setdefault((document.spec.kind, document.spec.name), document)
    for (kind, name), document in own.items():
        by_kind.setdefault(kind, {})[name] = document
    find_twins((Heading(each.spec.kind, each.spec.name, each.places) for each in specs), found)
    return by_kind


def find_twins(headings: Iterable[Heading], found: Diagnostics) -> None:
    """A name that stands twice is a mistake whatever else its documents say."""
    seen: dict[tuple[str, str], Heading] = {}
    for heading in headings:
        first = seen.setdefault((heading.kind, heading.name), heading)
        if first is heading:
            continue
        place = first.places.value("name")
        found.add(
            DUPLICATE_NAME,
            f"there is a {first.kind} {first.name!r} already, at {place.path}:{place.start.line}",
            at=heading.places.value("name"),
            help="give one of the two another name",
            related=((place, "first here"),),
        )
