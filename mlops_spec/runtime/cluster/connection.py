"""Which cluster: what KUBECONFIG, ~/.kube/config or the account of a pod say, as for every tool."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.refusal import Refusal, gist

if TYPE_CHECKING:
    from urllib3 import PoolManager

# Which context flows use where the environment names none: the one that apply used.
CONTEXT: Final = "MLOPS_SPEC_KUBE_CONTEXT"
_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


@dataclass(frozen=True, slots=True)
class Connection:
    """An address with everything that is needed to speak to it."""

    context: str  # "" in a pod
    server: str
    pool: PoolManager
    settings: Any

    def headers(self) -> Mapping[str, str]:
        """Who asks; a credential that has expired is renewed first."""
        key = self.settings.get_api_key_with_prefix("BearerToken")
        return {"authorization": key} if key else {}

    def variables(self) -> dict[str, str]:
        """What another process needs in order to speak to the same cluster."""
        config = os.environ.get("KUBECONFIG")
        found = {"KUBECONFIG": config} if config else {}
        return {**found, CONTEXT: self.context} if self.context else found

    def __str__(self) -> str:
        return f"context {self.context!r} ({self.server})" if self.context else self.server


def connect(context: str = "") -> Connection:
    """The cluster of this context, or of the current one; in a pod without a kubeconfig, its own.

    `Refusal` MLS628 when there is none, when the context is unknown or when a plugin of the
    kubeconfig gives no credentials.
    """
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config import ConfigException, load_incluster_config
    from kubernetes.config.kube_config import list_kube_config_contexts, load_kube_config

    settings = Configuration()
    context = context or os.environ.get(CONTEXT, "")
    place = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    used = ""
    try:
        if not _exists(place) and _ACCOUNT.exists() and not context:
            load_incluster_config(client_configuration=settings)
        else:
            used = _context(context, place, list_kube_config_contexts)
            with _Said() as said:
                load_kube_config(place, used, settings, persist_config=False)
            if said.words:
                raise _no_cluster(f"no credentials for context {used!r}: {said.words}")
    except (ConfigException, OSError, ValueError, KeyError) as error:
        raise _no_cluster(gist(error)) from error
    settings.retries = False
    return Connection(used, settings.host, ApiClient(settings).rest_client.pool_manager, settings)


def _context(asked: str, place: str, contexts_of: Any) -> str:
    """The context to use; MLS628 for one that is not in the kubeconfig."""
    if not _exists(place):
        raise _no_cluster(f"there is no kubeconfig at {place}")
    contexts, current = contexts_of(place)
    names = [str(found["name"]) for found in contexts]
    if asked and asked not in names:
        raise Refusal(
            "MLS628",
            f"the kubeconfig has no context {asked!r}",
            f"it has: {', '.join(sorted(names)) or 'none'}; correct `serve.context` in mlops.yaml,"
            " or set KUBECONFIG",
        )
    return asked or str(current["name"])


def _exists(place: str) -> bool:
    """Whether any file of a path that may be several, as kubectl takes it, is there."""
    return any(part and Path(part).expanduser().is_file() for part in place.split(os.pathsep))


def _no_cluster(reason: str) -> Refusal:
    return Refusal(
        "MLS628",
        f"no cluster to apply to: {reason}",
        "set KUBECONFIG to a kubeconfig whose context works (`kubectl get pods`), then the same"
        " command",
    )


class _Said(logging.Handler):
    """What the client library only logs: that a credential plugin failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.words = gist(ValueError(record.getMessage()))

    def __enter__(self) -> _Said:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
