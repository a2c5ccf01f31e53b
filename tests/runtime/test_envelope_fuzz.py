"""Whatever stands in an envelope, it is opened or refused; a changed one is never believed."""

from __future__ import annotations

import base64
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mlops_spec.runtime.evidence.envelope import PAYLOAD_TYPE, Unsigned, seal, unseal

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = KEY.public_key().public_bytes_raw()
GOOD = seal(b'{"outcome":"pass"}', KEY)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "payloadType": st.just(PAYLOAD_TYPE) | JSON,
        "payload": st.just(base64.b64encode(b"{}").decode()) | JSON,
        "signatures": JSON | st.lists(st.fixed_dictionaries({"sig": st.text() | JSON}), max_size=2),
    },
)


def believed(text: bytes) -> bytes | None:
    """The body that is believed, None when the envelope is refused."""
    try:
        return unseal(text, PUBLIC).body
    except Unsigned:
        return None


@given(text=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_is_refused_with_a_message(text: bytes) -> None:
    assert believed(text) is None


@given(parts=PARTS)
def test_what_looks_like_an_envelope_is_refused_with_a_message(parts: dict[str, object]) -> None:
    assert believed(json.dumps(parts).encode()) is None


@given(at=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_a_changed_byte_never_changes_what_is_believed(at: int, value: int) -> None:
    changed = bytearray(GOOD.encode())
    changed[at] = value
    assert believed(bytes(changed)) in (None, b'{"outcome":"pass"}')
