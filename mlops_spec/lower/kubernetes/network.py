"""Who may talk to the pods of a model, and whom these may talk to: nobody, unless named here."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_spec.lower import conventions
from mlops_spec.lower.kubernetes import pod
from mlops_spec.lower.kubernetes.head import JOBS, SERVICE, Object, head
from mlops_spec.lower.kubernetes.routing import gateway
from mlops_spec.lower.origin import Placed


def service_policy(placed: Placed) -> Object:
    """Requests from the gateway and scrapes of Prometheus come in; a service asks nobody."""
    ports = [{"protocol": "TCP", "port": port} for port in pod.ports(placed).values()]
    return {
        **head("networking.k8s.io/v1", "NetworkPolicy", placed),
        "spec": {
            "podSelector": {"matchLabels": conventions.pods_of(placed.origin, SERVICE)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": list(_callers(placed)), "ports": ports}],
            "egress": [],
        },
    }


def job_policy(placed: Placed) -> Object:
    """A flow reads data and writes to registries whose addresses nobody knows here."""
    name = f"{placed.origin.model}-{JOBS}"
    return {
        **head("networking.k8s.io/v1", "NetworkPolicy", placed, JOBS, name),
        "spec": {
            "podSelector": {"matchLabels": conventions.pods_of(placed.origin, JOBS)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": [{}],
        },
    }


def _callers(placed: Placed) -> Iterator[Object]:
    serve, monitoring = placed.environment.serve, placed.environment.monitoring
    namespaces = serve.callers or (gateway(placed).namespace,)
    watching = (monitoring.namespace,) if monitoring else ()
    for name in dict.fromkeys((*namespaces, *watching)):
        yield {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    for addresses in serve.api_server:
        yield {"ipBlock": {"cidr": addresses}}
