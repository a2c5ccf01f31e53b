"""The router's configuration as a pure function of the deployments.

The words are those of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mlops_spec.runtime.router.access_log import cluster_name, grpc_cluster_name
from mlops_spec.runtime.router.listener import (
    CLUSTERS,
    CONNECTIONS,
    REQUEST_TIMEOUT,
    ROUTE_CONFIG,
    ROUTES,
    TYPE,
    address,
    as_text,
)
from mlops_spec.runtime.service.arriving import MAX_BODY_BYTES
from mlops_spec.state import Deployment
from mlops_spec.terms.digest import digest
from mlops_spec.terms.open_inference import GRPC_SERVICE, MODEL_METADATA

_WEIGHT_SCALE: Final = 10_000  # a weight is a share; Envoy counts in whole numbers
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
_NAMED: Final = 20  # models: what Envoy answers itself has 4 kB at most
_HTTP: Final[Mapping[str, Any]] = MappingProxyType({"http_protocol_options": {}})
_HTTP2: Final[Mapping[str, Any]] = MappingProxyType({"http2_protocol_options": {}})


class _Arm(NamedTuple):
    """A release at one of its ports: what Envoy calls it, and what it speaks there."""

    name: str
    port: int
    of: Deployment
    speaks: Mapping[str, Any] = _HTTP


def configuration(
    deployments: Iterable[Deployment], grpc: Mapping[str, int] = MappingProxyType({})
) -> dict[str, str]:
    """The changing files by name: clusters and routes of everything that has a port.

    `grpc`: the ports of those that answer gRPC too, by `cluster_name`. Equal arguments give equal
    bytes; `version_info` in each file is the digest of its resources.
    """
    live = [
        _Arm(cluster_name(d.model, d.release), d.port, d)
        for d in sorted(deployments, key=lambda d: (d.model, d.release))
        if d.port is not None
    ]
    calls = [
        _Arm(grpc_cluster_name(arm.name), grpc[arm.name], arm.of, _HTTP2)
        for arm in live
        if arm.name in grpc
    ]
    clusters = [_cluster(arm) for arm in (*live, *calls)]
    hosts = [
        {
            "name": "all",
            "domains": ["*"],
            "routes": [*_calls(live, calls), *_routes(live), *_folders(live), _nothing_here(live)],
            # As x-envoy-attempt-count: workers refuse what others died of (service/asked_again).
            "include_request_attempt_count": True,
        }
    ]
    routes = {
        "@type": f"{TYPE}config.route.v3.RouteConfiguration",
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


def _by_model(arms: Iterable[_Arm]) -> list[tuple[str, tuple[_Arm, ...]]]:
    return [(model, tuple(found)) for model, found in groupby(arms, key=lambda arm: arm.of.model)]


def _calls(live: Iterable[_Arm], calls: Iterable[_Arm]) -> list[dict[str, Any]]:
    """Routes of gRPC, where everything that has a share answers it: shares would be others."""
    weighted = {model: len(_weighted(arms)) for model, arms in _by_model(live)}
    return [
        {"match": _call_of(model), **_sent_to(arms)}
        for model, arms in _by_model(calls)
        if 0 < len(_weighted(arms)) == weighted[model]
    ]


def _call_of(model: str) -> dict[str, Any]:
    named = {"name": MODEL_METADATA, "string_match": {"exact": model}}
    return {"prefix": f"/{GRPC_SERVICE}/", "grpc": {}, "headers": [named]}


def _routes(live: Iterable[_Arm]) -> list[dict[str, Any]]:
    # The longest name first: /a/ would otherwise never be reached behind a longer prefix of it.
    by_length = sorted(_by_model(live), key=lambda found: (-len(found[0]), found[0]))
    return [_route(model, arms) for model, arms in by_length]


def _route(model: str, arms: tuple[_Arm, ...]) -> dict[str, Any]:
    match = {"prefix": f"/{model}/"}
    if not _weighted(arms):
        return {"match": match, **_answer(503, f"no release of {model} is live")}
    return {"match": match, **_sent_to(arms, prefix_rewrite="/")}


def _sent_to(arms: tuple[_Arm, ...], **more: str) -> dict[str, Any]:
    """Shares to those that have one, and copies to those that get them."""
    return {
        "route": {
            **more,
            "timeout": REQUEST_TIMEOUT,
            "weighted_clusters": {"clusters": [_share(arm) for arm in _weighted(arms)]},
            "request_mirror_policies": [_mirror(arm) for arm in arms if arm.of.mirror],
        },
        # What is kept of a body to ask again, and to copy: otherwise large ones are never copied.
        "request_body_buffer_limit": MAX_BODY_BYTES,
    }


def _weighted(arms: Iterable[_Arm]) -> list[_Arm]:
    return [arm for arm in arms if _weight(arm) > 0]


def _weight(arm: _Arm) -> int:
    return round(arm.of.weight * _WEIGHT_SCALE)


def _share(arm: _Arm) -> dict[str, Any]:
    named = [_header("x-mlops-release", arm.of.release)]
    return {
        "name": arm.name,
        "weight": _weight(arm),
        "request_headers_to_add": named,
        "request_headers_to_remove": ["x-mlops-shadow"],  # only the router says what is a copy
        "response_headers_to_add": named,
    }


def _mirror(arm: _Arm) -> dict[str, Any]:
    return {
        "cluster": arm.name,
        "runtime_fraction": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": [
            {"append": _header("x-mlops-release", arm.of.release)},
            {"append": _header("x-mlops-shadow", "1")},
        ],
    }


def _header(name: str, value: str) -> dict[str, Any]:
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _cluster(arm: _Arm) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": address(arm.port)}}
    return {
        "@type": f"{TYPE}config.cluster.v3.Cluster",
        "name": arm.name,
        "type": "STATIC",
        "connect_timeout": "1s",
        # Envoy's own limits are 3 requests asked again at a time, and 1,024 that wait.
        "circuit_breakers": {
            "thresholds": [{"max_retries": CONNECTIONS, "max_pending_requests": CONNECTIONS}]
        },
        "load_assignment": {
            "cluster_name": arm.name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPE}extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": _IDLE_TIMEOUT},
                "explicit_http_config": dict(arm.speaks),
                "retry_policy": _asked_again(arm.of),
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


def _folders(live: Iterable[_Arm]) -> list[dict[str, Any]]:
    """To /<model>/ from /<model>: whoever leaves out the last slash means the same."""
    return [
        {"match": {"path": f"/{model}"}, "redirect": {
            "path_redirect": f"/{model}/", "response_code": "PERMANENT_REDIRECT",
        }}
        for model, _ in _by_model(live)
    ]  # fmt: skip


def _nothing_here(live: Iterable[_Arm]) -> dict[str, Any]:
    models = [f"/{model}/" for model, _ in _by_model(live)]
    named = ", ".join(models[:_NAMED]) + (", …" if len(models) > _NAMED else "")
    answer = _answer(
        404, f"no model is served under this path; models are at {named or '/<model>/'}"
    )
    return {"match": {"prefix": "/"}, **answer}


def _answer(status: int, detail: str) -> dict[str, Any]:
    body = {"inline_string": json.dumps({"detail": detail}, ensure_ascii=False)}
    json_type = _header("content-type", "application/json")
    return {
        "direct_response": {"status": status, "body": body},
        "response_headers_to_add": [json_type],
    }


def _discovery(resources: list[dict[str, Any]]) -> str:
    return as_text({"version_info": digest(resources), "resources": resources})
