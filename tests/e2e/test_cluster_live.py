"""What we rely on of an API server, asked of a real one. Runs where KUBECONFIG is set.

In a namespace of its own, which it removes. Its pods pull nothing that exists.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import fields

import pytest
import yaml
from cluster_tree import rendered
from language import REPOSITORY

from mlops_spec.runtime.cluster import server as asking
from mlops_spec.runtime.cluster.connection import Connection, connect
from mlops_spec.runtime.cluster.instance import deployment_ref, instance
from mlops_spec.runtime.cluster.objects import Owner, Ref, at, ref_of
from mlops_spec.runtime.cluster.pods import asked
from mlops_spec.runtime.cluster.refused import Denied
from mlops_spec.runtime.cluster.server import _APPLY, ApiServer
from mlops_spec.runtime.cluster.tree import apply_tree, difference, owned
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


class Somebody(Connection):
    """Another user of the same cluster, whom its administrator speaks for."""

    def headers(self) -> Mapping[str, str]:
        return {**super().headers(), "impersonate-user": "somebody"}


def let_in(server: ApiServer) -> ApiServer:
    """Give somebody the Role that the page of MLS622 shows, and the server as they see it."""
    page = (REPOSITORY / "docs" / "errors" / "MLS622.md").read_text(encoding="utf-8")
    shown = re.search(r"## Example that works\n```text\n(.*?)```", page, re.DOTALL)
    assert shown
    group = "rbac.authorization.k8s.io"
    server.apply(of(f"{group}/v1", "Role", **yaml.safe_load(shown.group(1))))
    subject = {"kind": "User", "apiGroup": group, "name": "somebody"}
    role = {"kind": "Role", "apiGroup": group, "name": "m"}
    server.apply(of(f"{group}/v1", "RoleBinding", subjects=[subject], roleRef=role))
    known = {one.name: getattr(server.connection, one.name) for one in fields(Connection)}
    return ApiServer(Somebody(**known))


def held(server: ApiServer, namespace: str, name: str = "held") -> str:
    """A ConfigMap that waits for somebody when it is removed, and its address."""
    mine = of("v1", "ConfigMap", name, data={"a": "old"})
    mine["metadata"] = {
        **mine["metadata"],
        "namespace": namespace,
        "finalizers": ["test.invalid/x"],
    }
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    assert server._ask("POST", place, None, json.dumps(mine).encode())[0] == 201
    return f"{place}/{name}"


def let_go(server: ApiServer, place: str) -> None:
    patch = json.dumps({"metadata": {"finalizers": None}}).encode()
    server._ask("PATCH", place, None, patch, "application/merge-patch+json")


def example() -> list[dict]:
    """What the example renders, as far as this cluster can know it, in a namespace of this test."""
    found = [one for one in rendered() if one["kind"] != "Namespace"]
    owner = Owner("flights", "production").labels
    for one in found:
        one["metadata"] = {**one["metadata"], "namespace": NAMESPACE}
        assert owner.items() <= one["metadata"]["labels"].items()
    return found


@pytest.fixture(scope="module")
def live() -> Iterator[ApiServer]:
    found = ApiServer(connect())
    yield found
    found.delete(Ref("v1", "Namespace", "", NAMESPACE))


@pytest.fixture
def server(live: ApiServer) -> ApiServer:
    """With the tree of this module alone: what another test has left is removed."""
    apply_tree(live, OWNER, tree())
    return live


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
        assert "Error: " not in no.value.message

    def test_the_whole_example_is_applied_differs_in_nothing_and_goes_again(
        server: ApiServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "_PAGE", 1)
        mine = Owner("flights", "production")
        tree = [one for one in example() if server.knows(one["apiVersion"], one["kind"])]
        kinds = sorted(one["kind"] for one in tree)
        assert {"Deployment", "PodDisruptionBudget", "CronJob"} <= set(kinds)

        apply_tree(server, mine, tree)
        assert difference(server, mine, tree).empty
        found = [*owned(server, mine, NAMESPACE)]
        assert sorted(one["kind"] for one in found) == kinds

        rest = [one for one in tree if one["kind"] != "CronJob"]
        assert {ref.kind for ref in difference(server, mine, rest).removed} == {"CronJob"}
        apply_tree(server, mine, rest)
        assert difference(server, mine, rest).empty
        for one in owned(server, mine, NAMESPACE):
            server.delete(ref_of(one))
        assert [*owned(server, mine, NAMESPACE)] == []

    def test_a_field_without_a_place_is_named_at_once(server: ApiServer) -> None:
        wrong = of("v1", "ConfigMap", "wrong", datta={"a": "1"})
        with pytest.raises(Denied) as no:
            server.apply(wrong)
        assert no.value.code == "MLS625"
        assert no.value.details == (".datta: field not declared in schema",)

    def test_a_value_that_its_kind_refuses_is_named_by_its_field(server: ApiServer) -> None:
        wrong = deployment()
        wrong["spec"]["template"]["metadata"]["labels"] = {"a": "b"}
        with pytest.raises(Denied, match="does not match template `labels`") as no:
            server.apply(wrong)
        assert (no.value.code, no.value.status) == ("MLS625", 422)

    def test_what_is_being_removed_is_made_anew(server: ApiServer) -> None:
        place = held(server, NAMESPACE)
        ours = of("v1", "ConfigMap", "held", data={"a": "new"})
        server.delete(ref_of(ours))
        assert [c.new for c in difference(server, OWNER, [*tree(), ours]).changed] == [True]
        waiting = threading.Timer(3.0, let_go, (server, place))
        waiting.start()
        server.apply(ours, take_over=True)
        waiting.join()
        made = server.get(ref_of(ours))
        assert made is not None
        assert "deletionTimestamp" not in made["metadata"]
        assert made["data"] == {"a": "new"}

    def test_a_namespace_that_is_being_removed_takes_nothing(server: ApiServer) -> None:
        place = f"{NAMESPACE}-going"
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place}}
        server.apply(namespace)
        kept = held(server, place)
        server.delete(ref_of(namespace))
        ours = of("v1", "ConfigMap")
        ours["metadata"] = {**ours["metadata"], "namespace": place}
        try:
            with pytest.raises(Denied, match="its namespace is being removed") as no:
                server.apply(ours)
        finally:
            let_go(server, kept)
        assert no.value.code == "MLS625"

    def test_a_quota_that_is_used_up_is_explained(server: ApiServer) -> None:
        quota = of("v1", "ResourceQuota", "none", spec={"hard": {"pods": "0"}})
        server.apply(quota)
        while "used" not in at(server.get(ref_of(quota)), "status", default={}):
            time.sleep(0.2)  # before a controller has counted, a quota does not hold
        for found in instance([deployment()], "m", release="r2", image=MISSING, track="next"):
            server.apply(found)
        try:
            with pytest.raises(Refusal) as no:
                wait_until_ready(
                    server, deployment_ref(NAMESPACE, "m", "next"), lambda _: None,
                    Patience(within=120, hopeless=3),
                )  # fmt: skip
        finally:
            server.delete(ref_of(quota))
            server.delete(deployment_ref(NAMESPACE, "m", "next"))
        assert no.value.code == "MLS626"
        assert "exceeded quota: none" in no.value.message
        assert no.value.field == ("model", "m", "serve", "resources")

    def test_a_pod_that_is_not_there_is_not_reached(server: ApiServer) -> None:
        with pytest.raises(Refusal) as no:
            asked(server, NAMESPACE, "nobody", "/metrics")
        assert (no.value.code, '"nobody" not found' in no.value.message) == ("MLS632", True)

    def test_a_kind_that_is_not_there_has_no_objects(server: ApiServer) -> None:
        assert server.list("nothing.invalid/v1", "Nothing", NAMESPACE, {}) == ()
        with pytest.raises(Refusal, match="the cluster knows no Nothing") as no:
            server.get(Ref("nothing.invalid/v1", "Nothing", NAMESPACE, "m"))
        assert no.value.code == "MLS623"

    def test_the_role_that_is_shown_is_enough_and_less_is_not(server: ApiServer) -> None:
        groups = ("keda.sh", "monitoring.coreos.com")  # not in that Role
        mine, of_example = Owner("flights", "production"), example()
        tree = [one for one in of_example if not one["apiVersion"].startswith(groups)]
        tree = [one for one in tree if server.knows(one["apiVersion"], one["kind"])]
        theirs = let_in(server)
        tree.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})

        apply_tree(theirs, mine, tree)
        assert difference(theirs, mine, tree).empty
        for one in owned(theirs, mine, NAMESPACE):
            theirs.delete(ref_of(one))
        with pytest.raises(Denied, match="not allowed to read secret/m") as no:
            theirs.get(Ref("v1", "Secret", NAMESPACE, "m"))
        assert no.value.code == "MLS622"
