"""Keys: one from a variable that the spec names, or a pair that is made once in the workspace."""

from __future__ import annotations

import base64
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence.envelope import key_id
from mlops_spec.runtime.machine.places import replace_text
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.workspace import Workspace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

WORKSPACE: Final = "workspace"
NOBODY: Final = "nobody"
KEY_BYTES: Final = 32
_PRIVATE: Final = "signing.key"
_PUBLIC: Final = "signing.pub"  # services read this one


def new_pair() -> tuple[str, str]:
    """A new private and its public key, 32 bytes in base64 each."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    return _text(key.private_bytes_raw()), _text(key.public_key().public_bytes_raw())


def signing_key(workspace: Workspace, signing: Signing | None) -> Ed25519PrivateKey:
    """The key to sign with. `Refusal` MLS612 when the variable lacks it or holds another's.

    Without `signing`, the workspace's own pair, made when there is none.
    """
    if signing is None:
        return _workspace_key(workspace)
    text = os.environ.get(signing.key_env, "")
    if not text:
        raise Refusal(
            "MLS612",
            f"{signing.key_env} is not set; it holds the private key that signs evidence",
            f"export {signing.key_env}=…; programs that run already do not see it, so `spec down` "
            "first, then `spec apply`",
        )
    key = _private(text, f"${signing.key_env}")
    public = key.public_key().public_bytes_raw()
    if _text(public) != signing.public_key:
        expected = key_id(decoded(signing.public_key, "signing.public_key"))
        raise Refusal(
            "MLS612",
            f"{signing.key_env} holds the private half of key {key_id(public)}; "
            f"`signing.public_key` in mlops.yaml is key {expected}",
            "set the variable to the private key of that pair, or correct mlops.yaml",
        )
    return key


def believed_key(trust: Trust, workspace: Workspace | None) -> bytes | None:
    """The public key whose signature is believed; None where integrity is all that is asked for.

    `Refusal` MLS612 when it should lie in the workspace and does not.
    """
    if trust.signer == NOBODY:
        return None
    if trust.signer != WORKSPACE:
        return decoded(trust.signer, "the rendered public key")
    if workspace is None:
        raise Refusal(
            "MLS612",
            f"evidence for {trust.environment!r} is signed with the key of its workspace, and "
            "MLOPS_SPEC_WORKSPACE is not set",
            f"run `spec keys`, and give environments.{trust.environment} in mlops.yaml a `signing`",
        )
    place = _folder(workspace) / _PUBLIC
    try:
        return decoded(place.read_text(encoding="ascii"), str(place))
    except (OSError, ValueError) as error:
        raise Refusal(
            "MLS612",
            f"the key that evidence is signed with cannot be read: {place}",
            "restore the folder, or remove the release's Bento and run spec apply",
        ) from error


def decoded(text: str, where: str) -> bytes:
    """The 32 bytes of a key. `Refusal` MLS612 when they are not that; the text is not shown."""
    try:
        found = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        found = b""
    if len(found) != KEY_BYTES:
        raise Refusal(
            "MLS612", f"{where} is not a key: expected {KEY_BYTES} bytes in base64", "run spec keys"
        )
    return found


def _private(text: str, where: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(decoded(text, where))


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "keys"


def _workspace_key(workspace: Workspace) -> Ed25519PrivateKey:
    """The workspace's key. Of several processes that make one, the first one's stays."""
    place = _folder(workspace) / _PRIVATE
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=place.parent)  # for its owner alone
        try:
            with os.fdopen(handle, "w") as stream:
                stream.write(f"{new_pair()[0]}\n")
            # Unlike a rename, a link fails where somebody was faster.
            with suppress(FileExistsError):
                place.hardlink_to(temporary)
        finally:
            Path(temporary).unlink()
    key = _private(place.read_text(encoding="ascii"), str(place))
    replace_text(place.with_name(_PUBLIC), _text(key.public_key().public_bytes_raw()) + "\n")
    return key


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
