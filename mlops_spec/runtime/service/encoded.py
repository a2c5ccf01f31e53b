"""What a body that cannot be read is answered where it came encoded, such as by gzip.

Looked for only once reading has failed: a client that sends what we read pays nothing for it.
"""

from __future__ import annotations

from typing import Final

from mlops_spec.runtime.service.predicting import JSON, Given, Reply, error_body

UNREADABLE: Final = 400
_PLAIN: Final = frozenset({b"", b"identity"})
_ACCEPTED: Final = (b"accept-encoding", b"identity")
_LONGEST: Final = 40  # characters of a coding


def understood(reply: Reply, given: Given) -> Reply:
    """The reply itself; 415 with what would be read (RFC 9110, 15.5.16) instead of such a 400."""
    coding = _coding(given) if reply.status == UNREADABLE else ""
    if not coding:
        return reply
    said = f"the body is encoded ({coding}); send it as it is, without content-encoding"
    return Reply(415, error_body(said), (JSON, _ACCEPTED))


def _coding(given: Given) -> str:
    """The first coding of a body that is one, as it was named; "" where it came as it is."""
    named = (value for name, value in given if name == b"content-encoding")
    found = next((value for value in named if value.strip().lower() not in _PLAIN), b"")
    return found.decode("ascii", "replace")[:_LONGEST]
