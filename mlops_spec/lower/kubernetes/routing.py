"""The route of a model: `/<model>/predict` and what else users need, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mlops_spec.lower import conventions
from mlops_spec.lower.kubernetes.head import ROUTER, Object, head
from mlops_spec.lower.origin import Placed
from mlops_spec.terms.open_inference import GRPC_SERVICE, MODEL_METADATA

# Exact paths, and one below which everything is served; /metrics is for the cluster alone.
PUBLIC: Final = (
    ("/predict", "Exact"), ("/openapi.json", "Exact"), ("/v2", "PathPrefix"), ("/", "Exact"),
)  # fmt: skip
# A user who could send these would choose an arm, or hide a request from the judging of a rollout.
INTERNAL_HEADERS: Final = ("x-mlops-release", "x-mlops-shadow")
_PREFIX: Final = "x-forwarded-prefix"  # what is taken off a path, for a page that names paths
_MARGIN_SECONDS: Final = 1.0  # the service's own 504 says more than the gateway's
_PARTS: Final = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


class Gateway(NamedTuple):
    """Where routes are attached."""

    namespace: str
    name: str


def gateway(placed: Placed) -> Gateway:
    """The one that is named, or one with the project's name beside the services."""
    serve = placed.environment.serve
    if serve.gateway is None:
        return Gateway(serve.namespace, placed.origin.project)
    namespace, _, name = serve.gateway.rpartition("/")
    return Gateway(namespace or serve.namespace, name)


def route(placed: Placed) -> Object:
    """One rule a public path, each with all of the traffic; a rollout moves the weights.

    Calls of gRPC are matched here too: a GRPCRoute beside an HTTPRoute at one listener is refused.
    """
    parent = gateway(placed)
    called = [_rule_of_calls(placed)] if placed.model.spec.serve.grpc else []
    return {
        **head("gateway.networking.k8s.io/v1", "HTTPRoute", placed, ROUTER),
        "spec": {
            "parentRefs": [{"namespace": parent.namespace, "name": parent.name}],
            "rules": [*(_rule(placed, path, match) for path, match in PUBLIC), *called],
        },
    }


def _rule(placed: Placed, path: str, match: str) -> Object:
    rewrite = "ReplaceFullPath" if match == "Exact" else "ReplacePrefixMatch"
    value = rewrite[0].lower() + rewrite[1:]
    return {
        "matches": [{"path": {"type": match, "value": f"/{placed.origin.model}{path}"}}],
        "filters": [
            {
                "type": "URLRewrite",
                "urlRewrite": {"path": {"type": rewrite, value: path}},
            },
            _headers({_PREFIX: f"/{placed.origin.model}"} if path == "/" else {}),
        ],
        **_answered(placed, conventions.SERVICE_PORT),
    }


def _rule_of_calls(placed: Placed) -> Object:
    """Every model answers the same methods: the call's metadata says which one is meant."""
    path = {"type": "PathPrefix", "value": f"/{GRPC_SERVICE}"}
    named = {"type": "Exact", "name": MODEL_METADATA, "value": placed.origin.model}
    return {
        "matches": [{"path": path, "headers": [named]}],
        "filters": [_headers()],
        **_answered(placed, conventions.GRPC_PORT),
    }


def _headers(told: Mapping[str, str] = MappingProxyType({})) -> Object:
    """What the service does not hear of a request, and what it is `told` beside it."""
    named = [{"name": name, "value": value} for name, value in told.items()]
    removed = {"remove": list(INTERNAL_HEADERS)}
    return {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {**removed, "set": named} if named else removed,
    }


def _answered(placed: Placed, port: int) -> Object:
    timeout = placed.model.spec.serve.timeout.seconds + _MARGIN_SECONDS
    return {
        "timeouts": {"request": duration(timeout)},
        "backendRefs": [{"name": placed.origin.model, "port": port, "weight": 100}],
    }


def duration(seconds: float) -> str:
    """A length of time as the Gateway API writes it (GEP-2257): up to four whole numbers."""
    rest, text = max(1, round(seconds * 1000)), ""
    for unit, milliseconds in _PARTS:
        count, rest = divmod(rest, milliseconds)
        text += f"{count}{unit}" if count else ""
    return text
