"""What an API server says no with, as something a user can act on."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from mlops_spec.runtime.refusal import Refusal, gist

_OWNER: Final = re.compile(r'conflict with "([^"]+)"')
# What is rendered has the `sleep` hook of pods, and kinds that are older.
OLDEST: Final = "1.30 and later"
# A server that restarts, or is asked too much, says these; asking again may help.
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
# Its 500 for what its schema of the kind has no place for, which asking again does not change.
_MISFIT: Final = "failed to create typed patch object"
_MISFITTING: Final = re.compile(r"(\.[a-zA-Z](?:[^\s\[:]|\[[^\]]*\])*): (.+)")


class Unreachable(Refusal):
    """The API server does not answer: nothing can be said about a release from that."""


class Denied(Refusal):
    """The API server said no. `status`: HTTP; `reason`: Kubernetes' own word for it."""

    def __init__(
        self, refusal: tuple[str, str, str, tuple[str, ...]], *, status: int, reason: str
    ) -> None:
        super().__init__(*refusal)
        self.status = status
        self.reason = reason

    @property
    def missing(self) -> bool:
        return self.status == 404


def is_busy(status: int, body: bytes) -> bool:
    """Whether the same request may be answered otherwise in a moment."""
    return status in _BUSY and not _misfits(status, status_of(body))


def words_of(body: bytes) -> str:
    """What the server said with its no; "" where that was nothing."""
    return gist(ValueError(message)) if (message := status_of(body).get("message")) else ""


def denied(status: int, body: bytes, what: str) -> Denied:
    """The refusal of one request; `what` names it: `apply deployment/flight-delay`."""
    said = status_of(body)
    reason = str(said.get("reason") or "")
    words = gist(
        ValueError(said.get("message") or body[:300].decode(errors="replace") or "no word")
    )
    return Denied(_explained(status, said, what, words), status=status, reason=reason)


def stays(what: str, found: dict[str, Any]) -> Refusal:
    """An object that is being removed and does not go: what is applied to it would go with it."""
    waits = found["metadata"].get("finalizers") or found.get("spec", {}).get("finalizers") or ()
    return Refusal(
        "MLS625",
        f"cannot apply {what}: it is being removed, and waits for {', '.join(waits) or 'its end'}",
        "let who set these finalizers finish (is that controller running?), then the same command",
    )


def _explained(
    status: int, said: dict[str, Any], what: str, words: str
) -> tuple[str, str, str, tuple[str, ...]]:
    match status:
        case 500 if _misfits(status, said):
            return _misfit(said, what)
        case 401:
            return (
                "MLS621", f"the cluster does not know who asks: {words}",
                "renew the credentials of this context (`kubectl get pods` must work), then the"
                " same command", (),
            )  # fmt: skip
        case 403:
            return _forbidden(said, what, words)
        case 409 if "conflict" in words.lower() and _causes(said):
            return _conflict(said, what)
        case _:
            return (
                "MLS625", f"the cluster refused to {what}: {words}",
                "correct what the message names in the spec, then the same command",
                tuple(f"{c.get('field', '')}: {c.get('message', '')}" for c in _causes(said)),
            )  # fmt: skip


def _forbidden(
    said: dict[str, Any], what: str, words: str
) -> tuple[str, str, str, tuple[str, ...]]:
    """A 403: not always a matter of rights."""
    if "exceeded quota" in words or "violates PodSecurity" in words:
        return "MLS625", f"the cluster refused to {what}: {words}", "see the message", ()
    if any(cause.get("reason") == "NamespaceTerminating" for cause in _causes(said)):
        return (
            "MLS625", f"the cluster refused to {what}: its namespace is being removed",
            "wait until `kubectl get namespaces` does not show it, then the same command", (),
        )  # fmt: skip
    return (
        "MLS622", f"not allowed to {what}: {words}",
        "ask for a Role that allows it in this namespace, then the same command", (),
    )  # fmt: skip


def _conflict(said: dict[str, Any], what: str) -> tuple[str, str, str, tuple[str, ...]]:
    """Who else owns which field."""
    fields = [(_OWNER.search(c.get("message", "")), c.get("field", "")) for c in _causes(said)]
    owners = sorted({found.group(1) if found else "somebody else" for found, _ in fields})
    return (
        "MLS624",
        f"cannot {what}: {', '.join(owners)} has set fields that the spec sets too",
        "let that manager give the fields up, or change the spec; `spec apply --take-over` takes"
        " them, and the other manager's values are lost",
        tuple(f"{field} is {found.group(1) if found else 'not ours'}'s" for found, field in fields),
    )


def _misfits(status: int, said: dict[str, Any]) -> bool:
    return status == 500 and str(said.get("message")).startswith(_MISFIT)


def _misfit(said: dict[str, Any], what: str) -> tuple[str, str, str, tuple[str, ...]]:
    """What is applied has fields that the cluster's schema of the kind has not, or not so."""
    message = str(said["message"])
    found = [f"{path}: {why}" for path, why in _MISFITTING.findall(message)]
    return (
        "MLS625",
        f"the cluster refused to {what}: {found[0] if found else gist(ValueError(message))}",
        f"what is rendered is for Kubernetes {OLDEST} and today's custom resources: update what is"
        " older there, or leave out of the spec what asks for the field",
        tuple(found),
    )


def _causes(said: dict[str, Any]) -> list[dict[str, Any]]:
    details = said.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes or [] if isinstance(cause, dict)]


def status_of(body: bytes) -> dict[str, Any]:
    """A no of the API server itself; {} for anything else, such as a pod's answer."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    ours = isinstance(found, dict) and found.get("kind") == "Status"
    return found if ours else {}
