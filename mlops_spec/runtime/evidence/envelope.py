"""A signed text: the Dead Simple Signing Envelope (DSSE 1.0), with Ed25519 (RFC 8032).

What is signed is not the JSON but PAE(type, body), so that no two ways of reading the same bytes
exist: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class Unsigned(Exception):
    """The text is not an envelope, or no signature on it is of the key that is believed."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What an envelope holds, and the ids of the keys that it says have signed."""

    body: bytes
    signers: tuple[str, ...]


def pae(kind: str, body: bytes) -> bytes:
    """The pre-authentication encoding: `DSSEv1 <length> <type> <length> <body>`, in bytes."""
    name = kind.encode()
    return b" ".join((b"DSSEv1", b"%d" % len(name), name, b"%d" % len(body), body))


def seal(body: bytes, *keys: Ed25519PrivateKey) -> str:
    """The envelope around a body. The same body and keys give the same text."""
    signatures = [
        {
            "keyid": key_id(key.public_key().public_bytes_raw()),
            "sig": _encoded(key.sign(pae(PAYLOAD_TYPE, body))),
        }
        for key in keys
    ]
    envelope = {
        "payloadType": PAYLOAD_TYPE, "payload": _encoded(body), "signatures": signatures,
    }  # fmt: skip
    return json.dumps(envelope, indent=2) + "\n"


def unseal(text: bytes | str, public: bytes | None) -> Opened:
    """The body of an envelope that the public key (32 bytes) has signed; None: that anybody has.

    Raises `Unsigned`, which says what was found.
    """
    body, signatures = _parts(text)
    opened = Opened(body, tuple(signer for signer, _ in signatures))
    if public is None or any(_signed(public, body, signature) for _, signature in signatures):
        return opened
    if not signatures:
        raise Unsigned("nobody has signed it")
    if key_id(public) in opened.signers:
        raise Unsigned(f"it does not fit the signature of key {key_id(public)}")
    raise Unsigned(f"it is signed by key {', '.join(opened.signers)}, expected {key_id(public)}")


def key_id(public: bytes) -> str:
    """A name for a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def _signed(public: bytes, body: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, pae(PAYLOAD_TYPE, body))
    except InvalidSignature:
        return False
    return True


def _parts(text: bytes | str) -> tuple[bytes, list[tuple[str, bytes]]]:
    try:
        found: Any = json.loads(text)
        kind = found["payloadType"]
        body = base64.b64decode(found["payload"], validate=True)
        signatures = [
            (str(entry.get("keyid", "unnamed"))[:64], base64.b64decode(entry["sig"], validate=True))
            for entry in found["signatures"]
        ]
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise Unsigned("it is not a DSSE envelope") from error
    if kind != PAYLOAD_TYPE:
        raise Unsigned(f"it holds {str(kind)[:60]!r}, expected {PAYLOAD_TYPE!r}")
    return body, signatures


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
