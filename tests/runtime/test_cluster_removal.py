"""What is still being removed when the spec asks for it again."""

from __future__ import annotations

import pytest
from cluster_api import Cluster, serving, write_kubeconfig
from cluster_held import hold, let_go

from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.objects import Owner, Ref
from mlops_spec.runtime.cluster.refused import Denied
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tree import apply_tree, difference
from mlops_spec.runtime.refusal import Refusal

OWNER = Owner("shop", "production")
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml"}}


def settings(value="1"):
    metadata = {"name": "settings", "namespace": "ml", "labels": dict(OWNER.labels)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}}


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def server(cluster, tmp_path, monkeypatch):
    with serving(cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
        yield ApiServer(connect(), patience=0.3)


def test_what_is_being_removed_is_applied_again_when_it_is_gone(cluster, server):
    apply_tree(server, OWNER, [NAMESPACE, settings()])
    hold(cluster.find("ConfigMap", "settings"), "keeper.example/wait")
    server.delete(Ref("v1", "ConfigMap", "ml", "settings"))
    looks = []

    def wait(seconds: float) -> None:
        looks.append(cluster.find("ConfigMap", "settings")["data"])
        let_go(cluster.objects, cluster.find("ConfigMap", "settings"))

    server.sleep, server.patience = wait, 5

    assert [c.new for c in difference(server, OWNER, [NAMESPACE, settings(value="2")]).changed]
    made = server.apply(settings(value="2"))

    assert looks == [{"a": "2"}]
    assert "deletionTimestamp" not in made["metadata"]
    assert cluster.find("ConfigMap", "settings")["data"] == {"a": "2"}


def test_what_does_not_go_is_told_with_whom_it_waits_for(cluster, server):
    apply_tree(server, OWNER, [NAMESPACE, settings()])
    hold(cluster.find("ConfigMap", "settings"), "keeper.example/wait")
    server.delete(Ref("v1", "ConfigMap", "ml", "settings"))

    with pytest.raises(Refusal, match=r"it is being removed, and waits for keeper\.example/wait"):
        server.apply(settings())


def test_nothing_is_made_in_a_namespace_that_is_being_removed(cluster, server):
    apply_tree(server, OWNER, [NAMESPACE])
    hold(cluster.find("Namespace", "ml"), "kubernetes")
    server.delete(Ref("v1", "Namespace", "", "ml"))

    with pytest.raises(Refusal, match="cannot apply namespace/ml: it is being removed") as no:
        apply_tree(server, OWNER, [NAMESPACE, settings()])
    with pytest.raises(Denied, match="its namespace is being removed") as denied:
        server.apply(settings())

    assert (no.value.code, denied.value.code) == ("MLS625", "MLS625")
    assert cluster.names("ConfigMap") == []


def test_what_is_being_removed_is_not_removed_again(cluster, server):
    apply_tree(server, OWNER, [NAMESPACE, settings()])
    hold(cluster.find("ConfigMap", "settings"), "keeper.example/wait")
    server.delete(Ref("v1", "ConfigMap", "ml", "settings"))
    other = settings()
    other["metadata"]["name"] = "other"

    apply_tree(server, OWNER, [NAMESPACE, other])

    assert cluster.names("ConfigMap") == ["other", "settings"]
    assert difference(server, OWNER, [NAMESPACE, other]).empty
