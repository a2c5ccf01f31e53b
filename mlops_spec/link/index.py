"""Documents by kind and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import DUPLICATE_NAME
from mlops_spec.model.project import Document

Index = Mapping[str, Mapping[str, Document[Any]]]


def index(
    specs: Iterable[Document[Any]], shipped: Iterable[Document[Any]], found: Diagnostics
) -> Index:
    """Kind -> name -> document. A project's own policy replaces a shipped one of the same name."""
    by_kind: dict[str, dict[str, Document[Any]]] = {}
    for document in shipped:
        by_kind.setdefault(document.spec.kind, {})[document.spec.name] = document
    seen: dict[tuple[str, str], Document[Any]] = {}
    for document in specs:
        key = (document.spec.kind, document.spec.name)
        first = seen.setdefault(key, document)
        if first is not document:
            _report(first, document, found)
            continue
        by_kind.setdefault(key[0], {})[key[1]] = document
    return by_kind


def _report(first: Document[Any], second: Document[Any], found: Diagnostics) -> None:
    kind, name = first.spec.kind, first.spec.name
    place = first.places.value("name")
    found.add(
        DUPLICATE_NAME,
        f"there is a {kind} {name!r} already, at {place.path}:{place.start.line}",
        at=second.places.value("name"),
        help="give one of the two another name",
        related=((place, "first here"),),
    )
