"""Where a rollout serves on Kubernetes, as a literal of a rendered flow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cluster:
    """A namespace of a cluster. `context` of the kubeconfig; "" is the current one."""

    namespace: str
    images: str  # registry path that images are pushed under
    context: str = ""
