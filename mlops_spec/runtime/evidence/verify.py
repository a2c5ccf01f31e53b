"""The check before a model is loaded: is this the release that its signed evidence is about?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.declare import Trust
from mlops_spec.runtime.evidence.envelope import Opened, Unsigned, unseal
from mlops_spec.runtime.evidence.keys import WORKSPACE, believed_key
from mlops_spec.runtime.evidence.predicate import PREDICATE, STATEMENT, admitted
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.workspace import Workspace

RELEASE_FILE: Final = "release.json"
EVIDENCE_FILE: Final = "evidence.json"
_AGAIN: Final = (
    "remove the release's Bento and run spec apply, which packages it again from what is recorded; "
    "and find out who changed it"
)
_FIELDS: Final = ("model", "version", "release", "run", "digest")


@dataclass(frozen=True, slots=True)
class Proven:
    """A release whose evidence holds. `signers` are names of keys; empty where none was asked."""

    release: Mapping[str, str]
    predicate: Mapping[str, Any]
    signers: tuple[str, ...]

    def line(self) -> str:
        """What was believed, and why, on one line."""
        by = f"signed by key {', '.join(self.signers)}" if self.signers else "signature not checked"
        return f"{len(self.predicate['verdicts'])} verdicts, {self.predicate['outcome']}, {by}"


def prove(folder: Path, trust: Trust | None, workspace: Workspace | None) -> Proven:
    """What `release.json` and `evidence.json` in a folder prove together.

    Without `trust`, they must be signed with the workspace's own key. `Refusal` MLS612 says what
    was found and what was expected. The model beside them is not read: its loader compares it with
    `release["digest"]`.
    """
    trust = trust or Trust(workspace.environment if workspace else "", WORKSPACE)
    release = _release(folder)
    public = believed_key(trust, workspace)
    opened = _opened(folder / EVIDENCE_FILE, public)
    statement = _statement(opened.body)
    predicate = statement["predicate"]
    _require_same(statement, release)
    if predicate["environment"] != trust.environment:
        raise _refused(
            f"its evidence is of environment {predicate['environment']!r}, expected "
            f"{trust.environment!r}"
        )
    if not admitted(predicate):
        raise _refused(
            f"its verdicts are {predicate['outcome']}, expected pass or an approval",
            *map(str, predicate.get("lines", ())),
        )
    return Proven(release, predicate, opened.signers if public else ())


def _release(folder: Path) -> dict[str, str]:
    try:
        found: Any = json.loads((folder / RELEASE_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise _refused(f"{RELEASE_FILE} cannot be read") from error
    if not isinstance(found, dict) or not all(isinstance(found.get(f), str) for f in _FIELDS):
        raise _refused(f"{RELEASE_FILE} does not say {', '.join(_FIELDS)}")
    return found


def _opened(place: Path, public: bytes | None) -> Opened:
    try:
        return unseal(place.read_bytes(), public)
    except FileNotFoundError as error:
        raise Refusal(
            "MLS612",
            f"the model has no evidence: {place.name} is missing beside {RELEASE_FILE}",
            "run spec apply: it signs again what the journal proves",
        ) from error
    except OSError as error:
        raise _refused(f"{place.name} cannot be read: {error.strerror}") from error
    except Unsigned as error:
        raise _refused(f"its evidence is not believed: {error}") from error


def _statement(body: bytes) -> dict[str, Any]:
    """The Statement, with everything in it that is looked at later."""
    try:
        found: dict[str, Any] = json.loads(body)
        kinds = (found["_type"], found["predicateType"])
        _ = found["subject"][0]["digest"]["sha256"]
        predicate = found["predicate"]
        _ = (*predicate["release"].items(), predicate["environment"], predicate["outcome"])
        _ = len(predicate["verdicts"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise _refused("its evidence is signed, but no statement about a model") from error
    if kinds != (STATEMENT, PREDICATE):
        raise _refused(f"its evidence is of kind {kinds[1]!r}, expected {PREDICATE!r}")
    return found


def _require_same(statement: Mapping[str, Any], release: Mapping[str, str]) -> None:
    """Every word of `release.json` is signed too: which run, which version, which files."""
    subject = str(statement["subject"][0]["digest"]["sha256"])
    if subject != release["digest"]:
        raise _refused(
            f"its evidence is about the model with digest {subject[:16]}, "
            f"{RELEASE_FILE} names {release['digest'][:16]}"
        )
    signed = statement["predicate"]["release"]
    for name in sorted({*signed, *release}):
        if signed.get(name) != release.get(name):
            raise _refused(
                f"{RELEASE_FILE} says {name} {release.get(name)!r}, the evidence "
                f"{signed.get(name)!r}"
            )


def _refused(what: str, *details: str) -> Refusal:
    return Refusal("MLS612", f"the model is not served: {what}", _AGAIN, details)
