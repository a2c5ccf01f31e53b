"""What Envoy starts with: the listener, its access log, and where the changing files lie. Pure.

The words are those of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.router.access_log import FIELDS

BOOTSTRAP: Final = "bootstrap.json"
CLUSTERS: Final = "clusters.json"
ROUTES: Final = "routes.json"
ROUTE_CONFIG: Final = "models"
TYPE: Final = "type.googleapis.com/envoy."
REQUEST_TIMEOUT: Final = "60s"
CONNECTIONS: Final = 10_000


@dataclass(frozen=True, slots=True)
class RouterPlace:
    """Where the router listens (loopback ports) and where its files lie (absolute)."""

    directory: Path
    port: int
    admin_port: int


def bootstrap(place: RouterPlace) -> str:
    """The file that Envoy starts with: the listener, and where the changing files lie."""
    return as_text(
        {
            "node": {"id": "mlops-spec", "cluster": "mlops-spec"},
            "admin": {"address": address(place.admin_port)},
            "dynamic_resources": {"cds_config": _watched(place, CLUSTERS)},
            "static_resources": {"listeners": [_listener(place)]},
            "overload_manager": {"resource_monitors": [_connection_limit()]},
        }
    )


def _listener(place: RouterPlace) -> dict[str, Any]:
    name = "http_connection_manager.v3.HttpConnectionManager"
    connections = {
        "@type": f"{TYPE}extensions.filters.network.{name}",
        "stat_prefix": "router",
        # A request id that the client chose is kept: answers of two arms are joined on it.
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "stream_idle_timeout": REQUEST_TIMEOUT,
        "rds": {"route_config_name": ROUTE_CONFIG, "config_source": _watched(place, ROUTES)},
        "access_log": [_access_log(place)],
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE}extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [
        {"name": "envoy.filters.network.http_connection_manager", "typed_config": connections}
    ]
    return {
        "name": "router",
        "address": address(place.port),
        "filter_chains": [{"filters": filters}],
    }


def _access_log(place: RouterPlace) -> dict[str, Any]:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{TYPE}extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(place.directory / "access.log"),
            "log_format": {"json_format": FIELDS, "omit_empty_values": False},
        },
    }


def _connection_limit() -> dict[str, Any]:
    name = "downstream_connections.v3.DownstreamConnectionsConfig"
    return {
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typed_config": {
            "@type": f"{TYPE}extensions.resource_monitors.{name}",
            "max_active_downstream_connections": CONNECTIONS,
        },
    }


def _watched(place: RouterPlace, file: str) -> dict[str, Any]:
    return {
        "resource_api_version": "V3",
        "path_config_source": {
            "path": str(place.directory / file),
            "watched_directory": {"path": str(place.directory)},
        },
    }


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def as_text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
