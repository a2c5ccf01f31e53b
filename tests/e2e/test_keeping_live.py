"""What a rollout changes of production's scaler and route, on a real API server (KUBECONFIG)."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator

import pytest
from cluster_tree import MODEL, rendered

from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.keeping import keep, kept, let_go
from mlops_spec.runtime.cluster.objects import Object, Owner, Ref, at, ref_of
from mlops_spec.runtime.cluster.route import KIND as ROUTE
from mlops_spec.runtime.cluster.route import Split, ports_led_to, routed
from mlops_spec.runtime.cluster.server import _APPLY, ApiServer
from mlops_spec.runtime.cluster.tree import difference

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

OWNER = Owner("flights", "production")
NAMESPACE = f"mlops-spec-{uuid.uuid4().hex[:8]}"
BUSY = {"spec": {"replicas": 6}}


def placed(found: Object, **spec: object) -> Object:
    metadata = {**found["metadata"], "namespace": NAMESPACE}
    return {**found, "metadata": metadata, "spec": {**found["spec"], **spec}}


def by_cpu(name: str) -> Object:
    """What the example would render without Prometheus."""
    (found,) = (one for one in rendered() if one["kind"] == "ScaledObject")
    spec = {
        "scaleTargetRef": found["spec"]["scaleTargetRef"], "minReplicas": 2, "maxReplicas": 10,
        **found["spec"]["advanced"]["horizontalPodAutoscalerConfig"],
    }  # fmt: skip
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    return placed({**found, **kind, "metadata": {**found["metadata"], "name": name}, "spec": spec})


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    found = ApiServer(connect())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    found.apply(namespace)
    yield found
    found.delete(Ref("v1", "Namespace", "", NAMESPACE))


def least(server: ApiServer, scaler: Object) -> int:
    return int(at(server.get(ref_of(scaler)), "spec", "minReplicas"))


if os.environ.get("KUBECONFIG"):

    def test_a_scaler_keeps_what_answers_and_lets_it_go_and_a_plan_agrees(
        server: ApiServer,
    ) -> None:
        scaler = by_cpu("ours")
        server.apply(scaler)

        keep(server, [scaler], [BUSY])
        busy = least(server, scaler)
        differs = difference(server, OWNER, [kept(server, scaler)]).changed
        behavior = at(server.get(ref_of(scaler)), "spec", "behavior", "scaleDown", "policies")
        keep(server, [scaler], [{"spec": {"replicas": 3}}])
        still = least(server, scaler)
        let_go(server, [scaler])

        assert (busy, differs, still, least(server, scaler)) == (6, (), 6, 2)
        assert [(one["type"], one["value"]) for one in behavior] == [("Percent", 10), ("Pods", 1)]
        assert difference(server, OWNER, [scaler]).changed == ()

    def test_a_number_of_somebody_else_s_stays(server: ApiServer) -> None:
        scaler = by_cpu("theirs")
        server.apply(scaler)
        place = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/theirs"
        theirs = {**scaler, "spec": {**scaler["spec"], "minReplicas": 3}}
        query = {"fieldManager": "ann", "force": "true"}
        assert server._ask("PATCH", place, query, json.dumps(theirs).encode(), _APPLY)[0] == 200

        keep(server, [scaler], [BUSY])
        let_go(server, [scaler])

        assert least(server, scaler) == 3

    def test_a_rule_goes_and_comes_with_those_who_answer(server: ApiServer) -> None:
        (route,) = (one for one in rendered() if one["kind"] == ROUTE)
        if not server.knows(route["apiVersion"], ROUTE):
            return  # without a Gateway there is nothing to route
        backend = {"name": MODEL, "port": 9000, "weight": 100}
        path = {"type": "PathPrefix", "value": "/inference.GRPCInferenceService"}
        rule = {"matches": [{"path": path}], "backendRefs": [backend]}
        route = placed(route, rules=[*route["spec"]["rules"], rule])
        without = routed(route, MODEL, Split(next=0.2), {3000})

        seen = [ports_led_to(server.apply(one)) for one in (without, route, without)]

        assert seen == [{3000}, {3000, 9000}, {3000}]
        assert difference(server, OWNER, [without]).changed == ()
        assert difference(server, OWNER, [route]).changed
