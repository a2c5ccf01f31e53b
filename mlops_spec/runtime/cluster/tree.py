"""The rendered objects of an environment, on the cluster: what differs, applying, pruning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlops_spec.runtime.cluster.kinds import ASKED_BY, REMOVED
from mlops_spec.runtime.cluster.objects import (
    Object,
    Owner,
    Ref,
    going,
    in_order,
    labels_of,
    ref_of,
)
from mlops_spec.runtime.cluster.refused import Denied
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.labels import TRACK

SHARED: Final = ("Namespace",)
_UNSAID: Final = (
    "managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One object that is not as rendered. `fields`: the paths that differ; () for a new one.

    `contested`: who has set some of them, and will have to be taken over.
    """

    ref: Ref
    fields: tuple[str, ...] = ()
    contested: str = ""

    @property
    def new(self) -> bool:
        return not self.fields


@dataclass(frozen=True, slots=True)
class Difference:
    """What apply would do to the cluster."""

    changed: tuple[Change, ...]
    removed: tuple[Ref, ...]

    @property
    def empty(self) -> bool:
        return not self.changed and not self.removed


def difference(
    server: ApiServer, owner: Owner, objects: Sequence[Object], rendered: Sequence[Object] = ()
) -> Difference:
    """How the cluster differs from these objects. Reads, and asks the server without effect.

    What is `rendered` is never a leftover, also where a rollout has to apply it.
    """
    changed = tuple(
        change
        for found in in_order(objects)
        if (change := _change(server, owner, found)) is not None
    )
    return Difference(changed, leftovers(server, owner, (*objects, *rendered)))


def _change(server: ApiServer, owner: Owner, wanted: Object) -> Change | None:
    ref = ref_of(wanted)
    if _given(server, wanted):
        return None
    live = server.get(ref)
    if live is None or going(live):
        return Change(ref)
    require_ours(owner, live)
    contested = ""
    try:
        after = server.apply(wanted, dry_run=True)
    except Denied as refusal:
        if refusal.code != "MLS624":
            raise
        contested = refusal.message
        after = server.apply(wanted, dry_run=True, take_over=True)
    fields = tuple(_differing(_said(live), _said(after)))
    return Change(ref, fields, contested) if fields else None


def _given(server: ApiServer, wanted: Object) -> bool:
    """Whether this is a namespace that somebody made for us, who may not even look at it."""
    if wanted["kind"] not in SHARED:
        return False
    try:
        server.get(ref_of(wanted))
    except Denied as refusal:
        return refusal.status == 403
    return False


def require_ours(owner: Owner, live: Object) -> None:
    """`Refusal` MLS627 for an object that somebody else made under our name."""
    if live["kind"] in SHARED or owner.owns(live):
        return
    labels = labels_of(live)
    told = ", ".join(f"{name}={labels.get(name, '')!r}" for name in owner.labels)
    raise Refusal(
        "MLS627",
        f"{ref_of(live)} is there already, and is not of environment {owner.environment!r} of"
        f" project {owner.project!r}: {told}",
        "remove or rename it, or give this environment a namespace of its own (`serve.namespace`)",
    )


def apply_tree(
    server: ApiServer, owner: Owner, objects: Sequence[Object], rendered: Sequence[Object] = (),
    *, take_over: bool = False,
) -> None:  # fmt: skip
    """Apply every object, in order, then remove what is ours and rendered no more."""
    for found in in_order(objects):
        if _given(server, found):
            continue
        live = server.get(ref_of(found))
        if live is not None:
            require_ours(owner, live)
        try:
            server.apply(found, take_over=take_over)
        except Denied as refusal:
            # A namespace that somebody else made for us is one to work in all the same.
            if found["kind"] not in SHARED or live is None or refusal.status != 403:
                raise
    for ref in leftovers(server, owner, (*objects, *rendered)):
        server.delete(ref)


def leftovers(server: ApiServer, owner: Owner, objects: Iterable[Object]) -> tuple[Ref, ...]:
    """What carries our labels and is rendered no more; never what a rollout has made."""
    wanted = {(ref.kind, ref.name) for ref in map(ref_of, objects)}
    namespaces = sorted({ref_of(found).namespace for found in objects} - {""})
    return tuple(
        ref_of(found)
        for namespace in namespaces
        for found in owned(server, owner, namespace)
        if (found["kind"], _rendered_name(found)) not in wanted
    )


def _rendered_name(found: Object) -> str:
    """Under which name an object was rendered: what a rollout runs beside it has one of its own."""
    name = str(found["metadata"]["name"])
    return name.removesuffix("-next") if labels_of(found).get(TRACK) == "next" else name


def owned(server: ApiServer, owner: Owner, namespace: str) -> Iterator[Object]:
    """Every object of ours in a namespace, in the order in which they can be removed."""
    for api, kind in REMOVED:
        for found in _listed(server, owner, Ref(api, kind, namespace, "")):
            # What a controller made of ours goes when ours does.
            made = found["metadata"].get("ownerReferences")
            if owner.owns(found) and not made and not going(found):
                yield found


def _listed(server: ApiServer, owner: Owner, ref: Ref) -> tuple[Object, ...]:
    """The objects of one kind; () for an extension that is installed, and not for us to look at.

    A Role need not name what the spec does not ask for; nobody without it has applied any.
    """
    try:
        return server.list(ref.api, ref.kind, ref.namespace, owner.labels)
    except Denied as refusal:
        if refusal.status == 403 and ASKED_BY[ref.kind]:
            return ()
        raise


def _said(found: Object) -> Object:
    """An object without what the server alone writes."""
    metadata = {k: v for k, v in found["metadata"].items() if k not in _UNSAID}
    rest = {k: v for k, v in found.items() if k not in ("metadata", "status")}
    return {**rest, "metadata": metadata}


def _differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The paths at which two objects differ."""
    match before, after:
        case dict(), dict():
            for key in sorted({*before, *after}):
                yield from _differing(
                    before.get(key), after.get(key), f"{path}.{key}" if path else key
                )
        case list(), list() if len(before) == len(after):
            for number, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from _differing(one, other, f"{path}[{number}]")
        case _ if before != after:
            yield path
