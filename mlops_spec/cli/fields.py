"""Where the specs say what the world refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlops_spec.apply.site import Site
from mlops_spec.diagnostics import Span
from mlops_spec.model.project import Places
from mlops_spec.runtime.refusal import Refusal


@contextmanager
def at_its_line(site: Site) -> Iterator[None]:
    """A refusal that comes out of here says where the specs have what it is about."""
    try:
        yield
    except Refusal as refusal:
        raise placed(site, refusal) from refusal.__cause__


def placed(site: Site, refusal: Refusal) -> Refusal:
    """The refusal with the line that owns the trouble, where somebody knows it."""
    span = place_of(site, refusal)
    refusal.at = str(span) if span else ""
    return refusal


def place_of(site: Site, refusal: Refusal) -> Span | None:
    """The line that owns the trouble, or the nearest one around it; None when nobody knows."""
    match refusal.field:
        case ("model", str(name), *path) if any(m.name == name for m in site.project.models):
            return _at(site.model(name).document.places, tuple(path))
        case ("environment", *path):
            return _at(site.project.document.places, ("environments", site.environment, *path))
        case _:
            return None


def _at(places: Places, path: tuple[str, ...]) -> Span:
    """What is not written stands where it would be: at the key around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in places.keys:
            return places.keys[path[:length]]
    return places.value(*path)
