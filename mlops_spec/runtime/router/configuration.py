"""The router's configuration as a pure function of the deployments.

The words are those of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.router.access_log import FIELDS, cluster_name
from mlops_spec.runtime.service.arriving import MAX_BODY_BYTES
from mlops_spec.state import Deployment
from mlops_spec.terms.digest import digest

BOOTSTRAP: Final = "bootstrap.json"
CLUSTERS: Final = "clusters.json"
ROUTES: Final = "routes.json"
ROUTE_CONFIG: Final = "models"

_TYPE: Final = "type.googleapis.com/envoy."
_WEIGHT_SCALE: Final = 10_000  # a weight is a share; Envoy counts in whole numbers
_REQUEST_TIMEOUT: Final = "60s"
_CONNECTIONS: Final = 10_000
# Below the five seconds after which uvicorn closes an idle connection: otherwise a request can meet
# a connection that is being closed, and fail through nobody's fault.
_IDLE_TIMEOUT: Final = "3s"
# A request whose service died under it, or is not there, is asked again of the same release: twice
# at once, which another worker answers; of production for half a minute, in which a copy that died
# is there again, on a busy machine too. A candidate that is gone must not keep the rollout waiting
# for its failures. Every answer of the service is passed on, whatever its code; and what was asked
# twice failed once (`AccessRecord.failed`), so that no rollout takes a release that keeps dying for
# a good one. A copy is never sent again.
_ASKED_AGAIN: Final[Mapping[str, int]] = {"production": 60}
_CANDIDATE_AGAIN: Final = 2
_DIED: Final = "connect-failure,refused-stream,reset-before-request,reset"


@dataclass(frozen=True, slots=True)
class RouterPlace:
    """Where the router listens (loopback ports) and where its files lie (absolute)."""

    directory: Path
    port: int
    admin_port: int


def bootstrap(place: RouterPlace) -> str:
    """The file that Envoy starts with: the listener, and where the changing files lie."""
    return _text(
        {
            "node": {"id": "mlops-spec", "cluster": "mlops-spec"},
            "admin": {"address": _address(place.admin_port)},
            "dynamic_resources": {"cds_config": _watched(place, CLUSTERS)},
            "static_resources": {"listeners": [_listener(place)]},
            "overload_manager": {"resource_monitors": [_connection_limit()]},
        }
    )


def configuration(deployments: Iterable[Deployment]) -> dict[str, str]:
    """The changing files by name: clusters and routes of everything that has a port.

    Equal deployments give equal bytes; `version_info` in each file is the digest of its resources.
    """
    live = _with_a_port(deployments)
    clusters = [_cluster(cluster_name(arm.model, arm.release), arm) for arm in live]
    hosts = [
        {
            "name": "all",
            "domains": ["*"],
            "routes": [*_routes(live), _nothing_here()],
            # As x-envoy-attempt-count: workers refuse what others died of (service/asked_again).
            "include_request_attempt_count": True,
        }
    ]
    routes = {
        "@type": f"{_TYPE}config.route.v3.RouteConfiguration",
        "name": ROUTE_CONFIG,
        "virtual_hosts": hosts,
    }
    return {CLUSTERS: _discovery(clusters), ROUTES: _discovery([routes])}


def version_of(text: str) -> str:
    """The `version_info` of a file that `configuration` made."""
    return str(json.loads(text)["version_info"])


def united(clusters: str, before: str) -> str:
    """The clusters of one file and those that only the file before it had.

    While routes move from one set of arms to the next, the arms of both must exist.
    """
    found = json.loads(clusters)["resources"]
    names = {cluster["name"] for cluster in found}
    gone = [c for c in json.loads(before)["resources"] if c["name"] not in names]
    return _discovery([*found, *gone])


def _with_a_port(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    found = (d for d in deployments if d.port is not None)
    return tuple(sorted(found, key=lambda d: (d.model, d.release)))


def _routes(live: tuple[Deployment, ...]) -> list[dict[str, Any]]:
    by_model = groupby(live, key=lambda d: d.model)
    # The longest name first: /a/ would otherwise never be reached behind a longer prefix of it.
    found = [(model, tuple(arms)) for model, arms in by_model]
    return [_route(model, arms) for model, arms in sorted(found, key=lambda f: (-len(f[0]), f[0]))]


def _route(model: str, arms: tuple[Deployment, ...]) -> dict[str, Any]:
    weighted = [arm for arm in arms if round(arm.weight * _WEIGHT_SCALE) > 0]
    match = {"prefix": f"/{model}/"}
    if not weighted:
        return {"match": match, **_answer(503, f"no release of {model} is live")}
    return {
        "match": match,
        "route": {
            "prefix_rewrite": "/",
            "timeout": _REQUEST_TIMEOUT,
            "weighted_clusters": {"clusters": [_weighted(arm) for arm in weighted]},
            "request_mirror_policies": [_mirror(arm) for arm in arms if arm.mirror],
        },
        # What is kept of a body to ask again, and to copy: otherwise large ones are never copied.
        "request_body_buffer_limit": MAX_BODY_BYTES,
    }


def _weighted(arm: Deployment) -> dict[str, Any]:
    named = [_header("x-mlops-release", arm.release)]
    return {
        "name": cluster_name(arm.model, arm.release),
        "weight": round(arm.weight * _WEIGHT_SCALE),
        "request_headers_to_add": named,
        "request_headers_to_remove": ["x-mlops-shadow"],  # only the router says what is a copy
        "response_headers_to_add": named,
    }


def _mirror(arm: Deployment) -> dict[str, Any]:
    return {
        "cluster": cluster_name(arm.model, arm.release),
        "runtime_fraction": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": [
            {"append": _header("x-mlops-release", arm.release)},
            {"append": _header("x-mlops-shadow", "1")},
        ],
    }


def _header(name: str, value: str) -> dict[str, Any]:
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _cluster(name: str, arm: Deployment) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(arm.port or 0)}}
    return {
        "@type": f"{_TYPE}config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        # Envoy's own limits are 3 requests asked again at a time, and 1,024 that wait.
        "circuit_breakers": {
            "thresholds": [{"max_retries": _CONNECTIONS, "max_pending_requests": _CONNECTIONS}]
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": _IDLE_TIMEOUT},
                "explicit_http_config": {"http_protocol_options": {}},
                "retry_policy": _asked_again(arm),
            }
        },
    }


def _asked_again(arm: Deployment) -> dict[str, Any]:
    # A policy of the cluster holds for copies, too, and a lost one must be seen to be lost.
    times = 0 if arm.mirror else _ASKED_AGAIN.get(arm.role, _CANDIDATE_AGAIN)
    return {
        "retry_on": _DIED if times else "",
        "num_retries": times,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "1s"},
    }


def _nothing_here() -> dict[str, Any]:
    answer = _answer(404, "no model is served under this path; models are at /<model>/")
    return {"match": {"prefix": "/"}, **answer}


def _answer(status: int, detail: str) -> dict[str, Any]:
    body = {"inline_string": json.dumps({"detail": detail})}
    json_type = _header("content-type", "application/json")
    return {
        "direct_response": {"status": status, "body": body},
        "response_headers_to_add": [json_type],
    }


def _listener(place: RouterPlace) -> dict[str, Any]:
    name = "http_connection_manager.v3.HttpConnectionManager"
    connections = {
        "@type": f"{_TYPE}extensions.filters.network.{name}",
        "stat_prefix": "router",
        # A request id that the client chose is kept: answers of two arms are joined on it.
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "stream_idle_timeout": _REQUEST_TIMEOUT,
        "rds": {"route_config_name": ROUTE_CONFIG, "config_source": _watched(place, ROUTES)},
        "access_log": [_access_log(place)],
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [
        {"name": "envoy.filters.network.http_connection_manager", "typed_config": connections}
    ]
    return {
        "name": "router",
        "address": _address(place.port),
        "filter_chains": [{"filters": filters}],
    }


def _access_log(place: RouterPlace) -> dict[str, Any]:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{_TYPE}extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(place.directory / "access.log"),
            "log_format": {"json_format": FIELDS, "omit_empty_values": False},
        },
    }


def _connection_limit() -> dict[str, Any]:
    name = "downstream_connections.v3.DownstreamConnectionsConfig"
    return {
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typed_config": {
            "@type": f"{_TYPE}extensions.resource_monitors.{name}",
            "max_active_downstream_connections": _CONNECTIONS,
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


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _discovery(resources: list[dict[str, Any]]) -> str:
    return _text({"version_info": digest(resources), "resources": resources})


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
