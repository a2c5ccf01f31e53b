"""The router: publish what is deployed, and know that it is live.

Envoy watches a directory. A file moved into it is taken whole, so weights change between two
requests and no connection is dropped (docs/adr/0011).
"""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Final

from mlops_spec.runtime.machine.places import exclusive, replace_text
from mlops_spec.runtime.machine.ports import grpc_of, port_for, remembered
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.router.access_log import (
    AccessRecord,
    access_log_end,
    arm_requests,
    cluster_name,
)
from mlops_spec.runtime.router.configuration import configuration, united, version_of
from mlops_spec.runtime.router.listener import (
    BOOTSTRAP,
    CLUSTERS,
    ROUTE_CONFIG,
    ROUTES,
    RouterPlace,
    bootstrap,
)
from mlops_spec.state import Deployment, Deployments
from mlops_spec.terms.workspace import Workspace

__all__ = [
    "AccessRecord",
    "access_log_end",
    "arm_requests",
    "cluster_name",
    "configuration",
    "model_url",
    "prepare",
    "publish",
    "wait_until_live",
]

ROUTER: Final = "router"
ADMIN: Final = "router-admin"
_VERSIONS: Final = {
    "cluster_manager.cds.version_text": CLUSTERS,
    f"http.router.rds.{ROUTE_CONFIG}.version_text": ROUTES,
}
_REFUSED: Final = re.compile(
    r"Filesystem config update (?:rejected|failure): (.*?)(?=\n\[\d|\Z)", re.DOTALL
)
_POLL: Final = 0.02
_SHOWN: Final = 250  # characters from either end of Envoy's reason


def prepare(workspace: Workspace, deployments: Iterable[Deployment]) -> RouterPlace:
    """Write all that Envoy needs to start; its changing files only if there are none yet."""
    place = RouterPlace(
        workspace.envoy.resolve(), port_for(workspace, ROUTER), port_for(workspace, ADMIN)
    )
    replace_text(place.directory / BOOTSTRAP, bootstrap(place))
    for name, text in _configured(workspace, deployments).items():
        if not (place.directory / name).exists():
            replace_text(place.directory / name, text)
    return place


def model_url(workspace: Workspace, model: str) -> str:
    """Where clients reach a model: the router, whatever release answers."""
    return f"http://127.0.0.1:{remembered(workspace)[ROUTER]}/{model}/"


def publish(
    workspace: Workspace, deployments: Deployments | Iterable[Deployment], timeout: float = 10.0
) -> None:
    """Make the router do what the deployments say; returns when it does.

    The table is read under a lock, so that two flows publishing at once cannot undo each other.
    New arms exist before a route names them, and old ones until no route does any more: requests
    on their way are answered. `Refusal` MLS605 when Envoy does not take it, with Envoy's reason.
    """
    with exclusive(workspace, "router"):
        wanted = deployments.all() if isinstance(deployments, Deployments) else tuple(deployments)
        files = _configured(workspace, wanted)
        both = united(files[CLUSTERS], _current(workspace, CLUSTERS) or files[CLUSTERS])
        before = {name: _current(workspace, name) for name in files}
        try:
            for name, text in (
                (CLUSTERS, both),
                (ROUTES, files[ROUTES]),
                (CLUSTERS, files[CLUSTERS]),
            ):
                if replace_text(workspace.envoy / name, text):
                    wait_until_live(workspace, name, version_of(text), timeout)
        except Refusal:
            _put_back(workspace, before)
            raise


def _configured(workspace: Workspace, deployments: Iterable[Deployment]) -> dict[str, str]:
    """With the ports at which releases answer gRPC, which the workspace remembers for them."""
    ports, wanted = remembered(workspace), tuple(deployments)
    names = {cluster_name(each.model, each.release) for each in wanted}
    return configuration(
        wanted, {name: ports[grpc_of(name)] for name in names if grpc_of(name) in ports}
    )


def wait_until_live(workspace: Workspace, file: str, version: str, timeout: float = 10.0) -> None:
    """Return when Envoy works with `version` of one of its files; otherwise `Refusal` MLS605."""
    deadline = time.monotonic() + timeout
    while True:
        found = _live_versions(workspace)
        if found is not None and found.get(file) == version:
            return
        if time.monotonic() > deadline:
            raise _not_taken(workspace, file, answers=found is not None)
        time.sleep(_POLL)


def _live_versions(workspace: Workspace) -> dict[str, str] | None:
    """The version of each file that Envoy works with, or None while it does not answer."""
    port = remembered(workspace).get(ADMIN)
    if port is None:
        return None
    url = f"http://127.0.0.1:{port}/stats?type=TextReadouts"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            lines = answer.read().decode().splitlines()
    except (urllib.error.URLError, OSError):
        return None
    stats = dict(line.split(": ", 1) for line in lines if ": " in line)
    return {file: stats[name].strip('"') for name, file in _VERSIONS.items() if name in stats}


def _not_taken(workspace: Workspace, file: str, *, answers: bool) -> Refusal:
    if not answers:
        return Refusal("MLS605", "the router (Envoy) does not answer", "spec apply starts it again")
    reason = _last_refusal(workspace)
    return Refusal(
        "MLS605",
        f"the router (Envoy) did not take {file}: {reason or 'no reason was logged'}",
        f"it goes on with what it had; its log is {workspace.logs / 'envoy.log'}",
    )


def _last_refusal(workspace: Workspace) -> str | None:
    try:
        text = (workspace.logs / f"{ROUTER}.log").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    found = _REFUSED.findall(text[-200_000:])
    if not found:
        return None
    # A reason can stand before or behind the whole resource, and protobuf marks its own text.
    words = " ".join(re.sub(r"goo\.gle/\w+", "", found[-1].split("): {", 1)[0]).split())
    return words if len(words) <= 2 * _SHOWN else f"{words[:_SHOWN]} … {words[-_SHOWN:]}"


def _put_back(workspace: Workspace, before: dict[str, str | None]) -> None:
    """Restore the files: Envoy works with them still, and must find them if it starts again."""
    for name, text in before.items():
        if text is not None:
            replace_text(workspace.envoy / name, text)


def _current(workspace: Workspace, name: str) -> str | None:
    try:
        return (workspace.envoy / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
