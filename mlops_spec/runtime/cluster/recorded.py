"""What apply and rollouts tell each other about a model on a cluster, through the journal.

`objects`: the objects as they were rendered when they were last applied. `image`: the image of a
release, by digest. `instance`: the objects and the image that a release was started with, which is
all that is needed to start it again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlops_spec.runtime.cluster.objects import Object
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Journal
from mlops_spec.terms.digest import digest

OBJECTS: Final = "objects"
IMAGE: Final = "image"
INSTANCE: Final = "instance"
_BY_DIGEST: Final = re.compile(r"^[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Instance:
    """A release as it was started: its objects as rendered, without names of a track."""

    objects: tuple[Object, ...]
    image: str
    shape: str  # digest of what the spec says of its service


def record_objects(journal: Journal, model: str, objects: Sequence[Object], shape: str) -> None:
    """Remember the objects of a model, for rollouts to come; `shape` as in `Instance`."""
    _record(journal, model, OBJECTS, digest(list(objects), shape), list(objects), shape=shape)


def rendered_objects(journal: Journal, model: str) -> tuple[tuple[Object, ...], str]:
    """The objects that were last applied, with their shape."""
    found = known_objects(journal, model)
    if found is None:
        raise Refusal(
            "MLS602",
            f"the objects of {model} were never applied here",
            "run spec apply, which applies them before it rolls out",
        )
    return found


def known_objects(journal: Journal, model: str) -> tuple[tuple[Object, ...], str] | None:
    """The same; None where nothing was applied yet."""
    known = [s for s in journal.steps(model, step=OBJECTS) if s.status == "done"]
    if not known:
        return None
    newest = known[-1].output
    return tuple(newest["objects"]), str(newest["shape"])


def record_image(journal: Journal, model: str, release: str, image: str) -> None:
    """`Refusal` MLS630 for an image that is not named by its digest."""
    require_digest(image)
    journal.start(model, IMAGE, release, "")
    journal.finish(model, IMAGE, release, "done", {"image": image})


def require_digest(image: str) -> None:
    """A tag may be another image tomorrow: `Refusal` MLS630 for anything but a digest."""
    if not _BY_DIGEST.match(image):
        raise Refusal(
            "MLS630",
            f"{image!r} does not name an image by its digest",
            "give it as registry/path@sha256:… , which `docker push` prints",
        )


def image_of_release(journal: Journal, model: str, release: str) -> str:
    """The image of a release; "" while there is none."""
    found = journal.done(model, IMAGE, release)
    return str(found.output["image"]) if found else ""


def record_instance(journal: Journal, model: str, release: str, made: Instance) -> None:
    _record(
        journal, model, INSTANCE, release, list(made.objects), shape=made.shape, image=made.image
    )


def instance_of(journal: Journal, model: str, release: str) -> Instance | None:
    """What a release was started with; None for one that never was."""
    found = journal.done(model, INSTANCE, release)
    if found is None:
        return None
    said = found.output
    return Instance(tuple(said["objects"]), str(said["image"]), str(said["shape"]))


def _record(
    journal: Journal, model: str, step: str, key: str, objects: list[Object], **more: Any
) -> None:
    journal.start(model, step, key, "")
    journal.finish(model, step, key, "done", {"objects": objects, **more})
