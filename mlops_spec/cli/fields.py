"""Where the specs say what the world refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from mlops_spec.apply.site import Site
from mlops_spec.diagnostics import Span
from mlops_spec.model.project import LinkedModel, Places
from mlops_spec.runtime.refusal import Refusal

# What owns a failure of this code, where the step that failed does not say it nearer. A path that
# begins with `data` is of the Dataset that the step reads; any other is of the model.
_OWNERS: Final[Mapping[str, tuple[str, ...]]] = {
    "MLS701": ("data", "source"),
    "MLS702": ("data", "columns"),
    "MLS703": ("data", "source"),
    "MLS704": ("data", "label"),
    "MLS705": ("features",),
    "MLS706": ("features",),
    "MLS707": ("train", "estimator"),
    "MLS719": ("batch", "output"),
}
_WHOLE: Final = ("model", "dataset", "environment")  # first words of a path that needs no more


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
        case ("dataset", str(name), *path):
            return next((_at(d, tuple(path)) for n, d in _datasets(site) if n == name), None)
        case ("environment", *path):
            return _at(site.project.document.places, ("environments", site.environment, *path))
        case _:
            return None


def owner_of(model: LinkedModel, step: str, code: str, field: tuple[str, ...]) -> tuple[str, ...]:
    """The whole path of what owns a failed step's refusal; () when nothing in the specs does."""
    match field or _OWNERS.get(code, ()):
        case ():
            return ()
        case (first, *_) as path if first in _WHOLE:
            return path
        case ("data", *path):
            return _of_the_data(model, step, tuple(path))
        case path:
            return ("model", model.name, *path)


def _of_the_data(model: LinkedModel, step: str, path: tuple[str, ...]) -> tuple[str, ...]:
    if step == "batch-finish":
        return ("model", model.name, "batch", "output")  # it reads nothing: the database is its own
    asked = model.batch_input.name if step.startswith("batch") and model.batch_input else ""
    return ("dataset", asked or model.dataset.spec.name, *path)


def _datasets(site: Site) -> Iterator[tuple[str, Places]]:
    """Those that models learn from; one that is only predicted is known where it is named."""
    for model in site.project.models:
        yield model.dataset.spec.name, model.dataset.places
    for model in site.project.models:
        if model.batch_input is not None:
            yield model.batch_input.name, _named_at(model.document.places)


def _named_at(places: Places) -> Places:
    return Places(_at(places, ("batch", "input")))


def _at(places: Places, path: tuple[str, ...]) -> Span:
    """What is not written stands where it would be: at the key around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in places.keys:
            return places.keys[path[:length]]
    return places.value(*path)
