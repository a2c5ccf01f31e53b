"""What every way to roll out on a cluster knows of a model: where its pods are, and the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlops_spec.runtime.cluster.argo_status import Progress
    from mlops_spec.runtime.cluster.objects import Object
    from mlops_spec.runtime.cluster.server import ApiServer
    from mlops_spec.runtime.cluster.wait import Patience, Standing


class ModelOnCluster(Protocol):
    """One model in one namespace, whoever moves its requests from one release to another."""

    server: ApiServer
    namespace: str
    model: str
    patience: Patience

    def wall(self) -> float:
        """Seconds since 1970, by the clock with which pods name the moments of their answers."""

    def pods(self, release: str) -> tuple[Object, ...]:
        """The pods of a release, as they are now."""

    def follow(self, report: Callable[[Standing | Progress], None] = ...) -> None:
        """Make the cluster what the table of deployments says, and wait until it is."""
