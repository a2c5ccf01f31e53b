"""Production's pods while a candidate answers: its scaler must not take what may be needed back.

An HPA by CPU sees idle pods there. So it keeps at least what answers now, and how many that is, is
written in the scaler itself: nothing is forgotten by a kill.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlops_spec.runtime.cluster.objects import Object, at, ref_of
from mlops_spec.runtime.cluster.refused import Denied
from mlops_spec.runtime.cluster.scaler import at_least, is_scaler, least_of
from mlops_spec.runtime.cluster.server import ApiServer


def kept(server: ApiServer, scaler: Object, deployments: Iterable[Object | None] = ()) -> Object:
    """The scaler that keeps as many as it does now, and as any of these Deployments has."""
    live = server.get(ref_of(scaler))
    today = [int(at(one, "spec", "replicas", default=1)) for one in deployments if one]
    return at_least(scaler, max([*today, least_of([live]) if live else 1]))


def keep(server: ApiServer, rendered: Iterable[Object], deployments: Iterable[Object]) -> None:
    """Let production's scaler take away none of the pods that these Deployments have."""
    deployments = tuple(deployments)
    for scaler in filter(is_scaler, rendered):
        live, wanted = server.get(ref_of(scaler)), kept(server, scaler, deployments)
        if live is not None and least_of([wanted]) > least_of([live]):
            apply_scaler(server, wanted)


def let_go(server: ApiServer, rendered: Iterable[Object]) -> None:
    """Let the scaler do as rendered again. How fast it may take pods away is rendered, too."""
    for scaler in filter(is_scaler, rendered):
        live = server.get(ref_of(scaler))
        if live is not None and least_of([live]) > least_of([scaler]):
            apply_scaler(server, scaler)


def apply_scaler(server: ApiServer, scaler: Object) -> Object:
    """Apply it, unless somebody else has set what it says: no rollout ends because of that.

    The scaler as it is then.
    """
    try:
        return server.apply(scaler)
    except Denied as refusal:
        if refusal.code != "MLS624":  # the next plan tells of it
            raise
        return server.get(ref_of(scaler)) or scaler
