"""Removal as a real API server does it: what has finalizers stays until they are gone."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cluster_answers import no, status

from mlops_spec.runtime.cluster.objects import going

Key = tuple[str, str, str, str]


def hold(found: dict, finalizer: str) -> None:
    """Let an object wait for a controller when it is removed."""
    found["metadata"]["finalizers"] = [finalizer]


def let_go(objects: dict[Key, dict], found: dict) -> None:
    """What that controller does in the end."""
    del found["metadata"]["finalizers"]
    if going(found):
        del objects[next(key for key, one in objects.items() if one is found)]


def stays(found: Mapping | None) -> bool:
    """Whether an object that is removed waits for somebody; it says since when."""
    if found is None or not found["metadata"].get("finalizers"):
        return False
    found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return True


def no_place(objects: dict[Key, dict], key: Key) -> tuple[int, bytes] | None:
    """Why nothing can be made in a namespace; None where it can."""
    namespace = objects.get(("v1", "Namespace", "", key[2]))
    if key[2] and namespace is None:
        return no(404, "NotFound", f'namespaces "{key[2]}" not found')
    if key in objects or namespace is None or not going(namespace):
        return None
    said = f"unable to create new content in namespace {key[2]} because it is being terminated"
    cause = {"reason": "NamespaceTerminating", "message": f"namespace {key[2]} is being terminated"}
    return 403, json.dumps(status(403, "Forbidden", said, (cause,))).encode()
