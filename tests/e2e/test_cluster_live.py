"""What we rely on of an API server, asked of a real one. Runs where KUBECONFIG is set.

In a namespace of its own, which it removes. Its pods pull nothing that exists.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator

import pytest

from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.instance import deployment_ref, instance
from mlops_spec.runtime.cluster.objects import Owner, Ref
from mlops_spec.runtime.cluster.refused import Denied
from mlops_spec.runtime.cluster.server import _APPLY, ApiServer
from mlops_spec.runtime.cluster.tree import apply_tree, difference
from mlops_spec.runtime.cluster.wait import Patience, wait_until_ready
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.labels import ENVIRONMENT, MANAGED_BY, NAME, PART_OF, TRACK

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NAMESPACE = f"mlops-spec-{uuid.uuid4().hex[:8]}"
OWNER = Owner("live", "test")
LABELS = {NAME: "m", PART_OF: "live", MANAGED_BY: "mlops-spec", ENVIRONMENT: "test"}
MISSING = f"registry.invalid/nothing@sha256:{'0' * 64}"


def of(api: str, kind: str, name: str = "m", **more: object) -> dict:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": LABELS}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}


def tree(value: str = "1") -> list[dict]:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    ports = [{"name": "http", "port": 3000, "targetPort": 3000, "protocol": "TCP"}]
    pods = {NAME: "m", PART_OF: "live", TRACK: "stable"}
    return [
        namespace,
        of("v1", "ConfigMap", data={"a": value}),
        of("v1", "Service", spec={"selector": pods, "ports": ports}),
    ]


def deployment() -> dict:
    pods = {NAME: "m", PART_OF: "live", TRACK: "stable"}
    template = {
        "metadata": {"labels": {**LABELS, TRACK: "stable"}},
        "spec": {"containers": [{"name": "service", "image": "x"}]},
    }
    return of(
        "apps/v1", "Deployment", spec={"selector": {"matchLabels": pods}, "template": template}
    )


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    found = ApiServer(connect())
    apply_tree(found, OWNER, tree())
    yield found
    found.delete(Ref("v1", "Namespace", "", NAMESPACE))


if os.environ.get("KUBECONFIG"):

    def test_what_was_applied_does_not_differ_and_what_changed_is_named(server: ApiServer) -> None:
        assert difference(server, OWNER, tree()).empty
        (changed,) = difference(server, OWNER, tree("2")).changed
        assert (str(changed.ref), changed.fields) == ("configmap/m", ("data.a",))

    def test_a_field_of_another_manager_is_a_conflict_until_it_is_taken_over(
        server: ApiServer,
    ) -> None:
        theirs = of("v1", "ConfigMap", "contested", data={"a": "theirs"})
        place = f"/api/v1/namespaces/{NAMESPACE}/configmaps/contested"
        query = {"fieldManager": "somebody", "force": "false"}
        server._ask("PATCH", place, query, json.dumps(theirs).encode(), _APPLY)
        ours = of("v1", "ConfigMap", "contested", data={"a": "ours"})
        with pytest.raises(Denied) as no:
            server.apply(ours)
        assert (no.value.code, "somebody" in no.value.message) == ("MLS624", True)
        assert server.apply(ours, take_over=True)["data"] == {"a": "ours"}
        apply_tree(server, OWNER, tree())
        assert server.get(Ref("v1", "ConfigMap", NAMESPACE, "contested")) is None

    def test_an_image_that_is_not_there_is_explained(server: ApiServer) -> None:
        made = instance([deployment()], "m", release="r1", image=MISSING, track="stable")
        for found in made:
            server.apply(found)
        with pytest.raises(Refusal) as no:
            wait_until_ready(
                server, deployment_ref(NAMESPACE, "m", "stable"), lambda _: None,
                Patience(within=240, hopeless=10),
            )  # fmt: skip
        assert no.value.code == "MLS626"
        assert no.value.field == ("environment", "serve", "images"), no.value.details
