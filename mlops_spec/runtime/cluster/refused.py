"""What an API server says no with, as something a user can act on."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from mlops_spec.runtime.refusal import Refusal, gist

_OWNER: Final = re.compile(r'conflict with "([^"]+)"')


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


def denied(status: int, body: bytes, what: str) -> Denied:
    """The refusal of one request; `what` names it: `apply deployment/flight-delay`."""
    said = _status_of(body)
    reason = str(said.get("reason") or "")
    words = gist(
        ValueError(said.get("message") or body[:300].decode(errors="replace") or "no word")
    )
    return Denied(_explained(status, said, what, words), status=status, reason=reason)


def _explained(
    status: int, said: dict[str, Any], what: str, words: str
) -> tuple[str, str, str, tuple[str, ...]]:
    match status:
        case 401:
            return (
                "MLS621", f"the cluster does not know who asks: {words}",
                "renew the credentials of this context (`kubectl get pods` must work), then the"
                " same command", (),
            )  # fmt: skip
        case 403 if "exceeded quota" in words or "violates PodSecurity" in words:
            return "MLS625", f"the cluster refused to {what}: {words}", "see the message", ()
        case 403:
            return (
                "MLS622", f"not allowed to {what}: {words}",
                "ask for a Role that allows it in this namespace, then the same command", (),
            )  # fmt: skip
        case 409 if "conflict" in words.lower() and _causes(said):
            return _conflict(said, what)
        case _:
            return (
                "MLS625", f"the cluster refused to {what}: {words}",
                "correct what the message names in the spec, then the same command",
                tuple(f"{c.get('field', '')}: {c.get('message', '')}" for c in _causes(said)),
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


def _causes(said: dict[str, Any]) -> list[dict[str, Any]]:
    details = said.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes or [] if isinstance(cause, dict)]


def _status_of(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
