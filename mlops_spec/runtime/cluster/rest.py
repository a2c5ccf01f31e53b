"""Between two looks at an object: until it changes, where the server can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_spec.runtime.cluster.objects import Object
from mlops_spec.runtime.cluster.server import ApiServer

if TYPE_CHECKING:
    from mlops_spec.runtime.cluster.wait import Patience

# Seconds: no two looks come closer, however often an object changes.
LEAST: Final = 1.0


def rest(server: ApiServer, found: Object, patience: Patience, within: float) -> None:
    """Wait until an object changes, `within` seconds at most: for what does not show in it."""
    begun = patience.now()
    # A server that does not tell, or is gone: the next look says so.
    server.await_change(found, within)
    left = LEAST - (patience.now() - begun)
    if left > 0:
        patience.sleep(left)
