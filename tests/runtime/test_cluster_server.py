"""The client against an API server over real HTTP: what it says yes, no and nothing to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cluster_api import Cluster, serving, status, write_kubeconfig

from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.objects import Owner, Ref
from mlops_spec.runtime.cluster.refused import Denied, Unreachable
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tree import apply_tree, difference
from mlops_spec.runtime.refusal import Refusal

OWNER = Owner("shop", "production")
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml"}}


def settings(name="settings", value="1", owner=OWNER, **labels):
    metadata = {"name": name, "namespace": "ml", "labels": {**owner.labels, **labels}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}}


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def server(cluster, tmp_path, monkeypatch):
    with serving(cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
        yield ApiServer(connect(), patience=0.3)


def test_a_tree_is_applied_in_order_and_found_unchanged_afterwards(cluster, server):
    tree = [settings(), NAMESPACE]

    before = difference(server, OWNER, tree)
    apply_tree(server, OWNER, tree)
    after = difference(server, OWNER, tree)

    assert [(str(c.ref), c.new) for c in before.changed] == [
        ("namespace/ml", True), ("configmap/settings", True)
    ]  # fmt: skip
    assert after.empty
    assert cluster.find("ConfigMap", "settings")["data"] == {"a": "1"}


def test_a_change_is_named_by_its_field_and_asking_changes_nothing(cluster, server):
    apply_tree(server, OWNER, [NAMESPACE, settings()])

    found = difference(server, OWNER, [NAMESPACE, settings(value="2")])

    assert [(str(c.ref), c.fields) for c in found.changed] == [("configmap/settings", ("data.a",))]
    assert cluster.find("ConfigMap", "settings")["data"] == {"a": "1"}


def test_only_what_is_ours_and_rendered_no_more_is_removed(cluster, server):
    other = replace(OWNER, environment="staging")
    names = {"ours": OWNER, "theirs": replace(OWNER, project="other"), "staging": other}
    cluster.objects["v1", "Namespace", "", "ml"] = NAMESPACE
    for name, owner in names.items():
        apply_tree(server, owner, [settings(name, owner=owner)])
    nobodys = {**settings("nobodys"), "metadata": {"name": "nobodys", "namespace": "ml"}}
    server.apply(nobodys)
    server.apply(settings("kept-next", **{"mlops-spec/track": "next"}))

    apply_tree(server, OWNER, [NAMESPACE, settings("kept")])

    assert cluster.names("ConfigMap") == ["kept", "kept-next", "nobodys", "staging", "theirs"]
    assert cluster.names("Namespace") == ["ml"]


def test_an_object_that_somebody_else_made_is_left_alone(cluster, server):
    foreign = settings(owner=Owner("other", "production"), value="theirs")
    apply_tree(server, Owner("other", "production"), [NAMESPACE, foreign])

    with pytest.raises(Refusal, match="is not of environment 'production' of project 'shop'") as no:
        apply_tree(server, OWNER, [NAMESPACE, settings()])

    assert no.value.code == "MLS627"
    assert cluster.find("ConfigMap", "settings")["data"] == {"a": "theirs"}


def test_a_conflict_names_who_owns_the_field_and_can_be_taken_over(cluster, server):
    apply_tree(server, OWNER, [NAMESPACE, settings()])
    key = ("v1", "ConfigMap", "ml", "settings")
    live = cluster.objects[key]
    cluster.objects[key] = {
        **live, **cluster.owners.set(key, live, {"data": {"a": "by hand"}}, "kubectl-edit")
    }  # fmt: skip

    (contested,) = difference(server, OWNER, [NAMESPACE, settings(value="2")]).changed
    with pytest.raises(Denied) as no:
        apply_tree(server, OWNER, [NAMESPACE, settings(value="2")])
    apply_tree(server, OWNER, [NAMESPACE, settings(value="2")], take_over=True)

    assert (contested.fields, contested.contested) == (("data.a",), no.value.message)
    assert no.value.code == "MLS624"
    assert no.value.message == (
        "cannot apply configmap/settings: kubectl-edit has set fields that the spec sets too"
    )
    assert no.value.details == (".data.a is kubectl-edit's",)
    assert cluster.find("ConfigMap", "settings")["data"] == {"a": "2"}


def test_a_namespace_that_was_made_for_us_need_not_be_ours_to_see(cluster, server):
    cluster.objects["v1", "Namespace", "", "ml"] = NAMESPACE
    no = status(403, "Forbidden", 'User "ci" cannot get resource "namespaces"')
    cluster.fail = [("GET /api/v1/namespaces/ml", 403, no)] * 2

    assert [str(c.ref) for c in difference(server, OWNER, [NAMESPACE, settings()]).changed] == [
        "configmap/settings"
    ]
    apply_tree(server, OWNER, [NAMESPACE, settings()])

    assert cluster.names("ConfigMap") == ["settings"]


def test_an_extension_that_we_may_not_look_at_has_nothing_of_ours(cluster, server):
    place = "/namespaces/ml"
    keda = f"GET /apis/keda.sh/v1alpha1{place}/scaledobjects"
    cluster.fail = [(keda, 403, status(403, "Forbidden", "no"))]

    apply_tree(server, OWNER, [NAMESPACE, settings()])
    assert not cluster.fail

    cluster.fail = [(f"GET /api/v1{place}/configmaps", 403, status(403, "Forbidden", "no"))]
    with pytest.raises(Denied, match="not allowed to list configmaps in ml"):
        apply_tree(server, OWNER, [NAMESPACE, settings()])


def test_a_kind_that_is_not_installed_is_named(cluster, server):
    del cluster.kinds["gateway.networking.k8s.io/v1"]
    route = Ref("gateway.networking.k8s.io/v1", "HTTPRoute", "ml", "m")

    with pytest.raises(Refusal, match=r"knows no HTTPRoute \(gateway.networking.k8s.io/v1\)") as no:
        server.get(route)

    assert no.value.code == "MLS623"
    assert "install what defines it" in no.value.help
    assert server.list(route.api, route.kind, "ml", {}) == ()


def test_a_kind_of_a_newer_kubernetes_is_not_to_be_installed(cluster, server):
    del cluster.kinds["policy/v1"]

    with pytest.raises(Refusal, match=r"knows no PodDisruptionBudget \(policy/v1\)") as no:
        server.get(Ref("policy/v1", "PodDisruptionBudget", "ml", "m"))

    assert no.value.help == "it is part of Kubernetes 1.30 and later: update the cluster"


@pytest.mark.parametrize(
    ("code", "reason", "message", "expected"),
    [
        (401, "Unauthorized", "Unauthorized", "MLS621"),
        (403, "Forbidden", 'User "ci" cannot patch resource "configmaps"', "MLS622"),
        (403, "Forbidden", "exceeded quota: compute", "MLS625"),
        (422, "Invalid", "spec.x: Invalid value", "MLS625"),
        (500, "InternalError", "etcd has no leader", "MLS620"),
    ],
)
def test_every_no_is_told_with_the_server_s_own_words(
    cluster, server, code, reason, message, expected
):
    cluster.objects["v1", "Namespace", "", "ml"] = NAMESPACE
    cluster.fail = [("PATCH", code, status(code, reason, message))] * 20

    with pytest.raises(Refusal) as no:
        server.apply(settings())

    assert no.value.code == expected
    assert expected == "MLS620" or message in no.value.message


def test_a_field_that_the_cluster_has_no_place_for_is_named_at_once(cluster, server):
    server.patience = 60
    cluster.objects["v1", "Namespace", "", "ml"] = NAMESPACE
    field = '.spec.template.spec.containers[name="service"].lifecycle.preStop.sleep'
    misfit = f"failed to create typed patch object (ml/m): {field}: field not declared in schema"
    # A real server gives no `reason` here.
    cluster.fail = [("PATCH", 500, {"kind": "Status", "message": misfit, "code": 500})]

    with pytest.raises(Denied) as no:
        server.apply(settings())

    why = f"{field}: field not declared in schema"
    assert (no.value.code, no.value.details) == ("MLS625", (why,))
    assert no.value.message == f"the cluster refused to apply configmap/settings: {why}"
    assert "Kubernetes 1.30 and later" in no.value.help


def test_a_kind_that_cannot_be_looked_up_is_not_taken_for_missing(cluster, server):
    gone = status(503, "ServiceUnavailable", "service unavailable")
    cluster.fail = [("GET /apis/keda.sh/v1alpha1", 503, gone)] * 20

    with pytest.raises(Unreachable, match=r"look up keda\.sh/v1alpha1: service unavailable"):
        server.knows("keda.sh/v1alpha1", "ScaledObject")


def test_a_server_error_is_quoted_when_it_stays(cluster, server):
    words = 'Internal error occurred: failed calling webhook "deny.example"'
    cluster.fail = [("PATCH", 500, status(500, "InternalError", words))] * 20

    with pytest.raises(Unreachable) as no:
        server.apply(settings())

    assert no.value.message.endswith(f"it answers 500 to: apply configmap/settings: {words}")


def test_a_server_that_is_busy_or_cuts_the_line_is_asked_again(cluster, server):
    server.patience = 5
    cluster.objects["v1", "Namespace", "", "ml"] = NAMESPACE
    busy = status(429, "TooManyRequests", "later")
    cluster.fail = [("PATCH", 429, busy), ("PATCH", 503, busy)]
    cluster.cut = 2

    made = server.apply(settings())

    assert made["data"] == {"a": "1"}


def test_a_server_that_is_gone_is_said_to_be_gone(cluster, tmp_path, monkeypatch):
    with serving(cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
    server = ApiServer(connect(), patience=0.3)

    with pytest.raises(Unreachable, match="the cluster of context 'test'") as no:
        server.get(Ref("v1", "ConfigMap", "ml", "settings"))

    assert no.value.code == "MLS620"
    assert "goes on serving" in no.value.help


@pytest.mark.parametrize(
    ("config", "context", "message"),
    [
        (False, "", "there is no kubeconfig at"),
        (True, "prod", "the kubeconfig has no context 'prod'"),
    ],
)
def test_a_cluster_that_is_not_named_is_not_guessed(
    tmp_path, monkeypatch, config, context, message
):
    place = tmp_path / "config"
    if config:
        write_kubeconfig(place, "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(place))

    with pytest.raises(Refusal, match=message) as no:
        connect(context)

    assert no.value.code == "MLS628"


def test_a_credential_plugin_that_fails_is_quoted(tmp_path, monkeypatch):
    place = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    run = '{"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}'
    place.write_text(place.read_text().replace('{"token": "secret"}', f'{{"exec": {run}}}'))
    monkeypatch.setenv("KUBECONFIG", str(place))

    with pytest.raises(
        Refusal, match="no credentials for context 'test': exec: process returned 1"
    ):
        connect()
