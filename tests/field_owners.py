"""Server-side apply, as far as our client relies on it: who owns which field of an object."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

Key = tuple[str, str, str, str]
Leaf = tuple[str, ...]
# Lists of these are maps by name, as their schema says; every other list is one value.
BY_NAME = {"containers", "env", "volumes", "ports"}


class Conflict(Exception):
    """(field, owner) of each field that another manager has set otherwise."""


@dataclass
class Owners:
    """The managers of each leaf of each object."""

    of: dict[Key, dict[Leaf, set[str]]] = field(default_factory=dict)

    def apply(self, key: Key, live: dict | None, wanted: dict, manager: str, force: bool) -> dict:
        """The object after an apply; `Conflict` without `force`."""
        owned = copy.deepcopy(self.of.get(key, {}))
        new, old = leaves(wanted), leaves(live or {})
        fights = [
            (leaf, who)
            for leaf, value in new.items()
            for who in owned.get(leaf, set()) - {manager}
            if old.get(leaf) != value
        ]
        if fights and not force:
            raise Conflict([("." + ".".join(leaf), who) for leaf, who in fights])
        for leaf, _ in fights:
            owned[leaf] = {manager}
        merged = dict(old)
        for leaf, managers in list(owned.items()):
            if manager in managers and leaf not in new:
                managers.discard(manager)
                if not managers:
                    merged.pop(leaf, None)
                    del owned[leaf]
        for leaf, value in new.items():
            merged[leaf] = value
            owned.setdefault(leaf, set()).add(manager)
        self.of[key] = owned
        return built(merged)

    def set(self, key: Key, live: dict, changed: dict, manager: str) -> dict:
        """The object after another manager has set fields of it."""
        return self.apply(key, live, changed, manager, True)

    def forget(self, key: Key) -> None:
        self.of.pop(key, None)


def leaves(found: object, path: Leaf = ()) -> dict[Leaf, object]:
    """Every value at the end of a path."""
    match found:
        case dict() if found:
            parts = ((k, v) for k, v in found.items() if k not in ("status", "managedFields"))
        case list() if found and path and path[-1] in BY_NAME:
            parts = ((f"[{item['name']}]", item) for item in found)
        case _:
            return {path: found} if path else {}
    return {at: value for name, part in parts for at, value in leaves(part, (*path, name)).items()}


def built(found: dict[Leaf, object]) -> dict:
    """The object of these leaves."""
    root: dict = {}
    for path, value in found.items():
        place = root
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = copy.deepcopy(value)
    return _lists(root)


def _lists(found: object) -> object:
    if not isinstance(found, dict):
        return found
    if found and all(name.startswith("[") for name in found):
        return [_lists(item) for item in found.values()]
    return {name: _lists(value) for name, value in found.items()}
