"""The route of a model: `/<model>/predict` and what else users need, and nothing more."""

from __future__ import annotations

from typing import Final, NamedTuple

from mlops_spec.lower import conventions
from mlops_spec.lower.kubernetes.head import ROUTER, Object, head
from mlops_spec.lower.origin import Placed

# Exact paths, and one below which everything is served; /metrics is for the cluster alone.
PUBLIC: Final = (("/predict", "Exact"), ("/openapi.json", "Exact"), ("/v2", "PathPrefix"))
# A user who could send these would choose an arm, or hide a request from the judging of a rollout.
INTERNAL_HEADERS: Final = ("x-mlops-release", "x-mlops-shadow")
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
    """One rule a public path, each with all of the traffic; a rollout moves the weights."""
    parent = gateway(placed)
    return {
        **head("gateway.networking.k8s.io/v1", "HTTPRoute", placed, ROUTER),
        "spec": {
            "parentRefs": [{"namespace": parent.namespace, "name": parent.name}],
            "rules": [_rule(placed, path, match) for path, match in PUBLIC],
        },
    }


def _rule(placed: Placed, path: str, match: str) -> Object:
    model = placed.origin.model
    rewrite = "ReplaceFullPath" if match == "Exact" else "ReplacePrefixMatch"
    value = rewrite[0].lower() + rewrite[1:]
    timeout = placed.model.spec.serve.timeout.seconds + _MARGIN_SECONDS
    return {
        "matches": [{"path": {"type": match, "value": f"/{model}{path}"}}],
        "filters": [
            {
                "type": "URLRewrite",
                "urlRewrite": {"path": {"type": rewrite, value: path}},
            },
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"remove": list(INTERNAL_HEADERS)},
            },
        ],
        "timeouts": {"request": duration(timeout)},
        "backendRefs": [{"name": model, "port": conventions.SERVICE_PORT, "weight": 100}],
    }


def duration(seconds: float) -> str:
    """A length of time as the Gateway API writes it (GEP-2257): up to four whole numbers."""
    rest, text = max(1, round(seconds * 1000)), ""
    for unit, milliseconds in _PARTS:
        count, rest = divmod(rest, milliseconds)
        text += f"{count}{unit}" if count else ""
    return text
