"""What runs on a cluster and why what does not, as status tells it."""

from __future__ import annotations

import pytest
from cluster_api import Cluster, serving, write_kubeconfig
from cluster_pods import Image
from cluster_tree import MODEL, rendered
from rich.text import Text

from mlops_spec.cli.views.cluster_text import cluster_lines
from mlops_spec.model.spec.project import ServeOn
from mlops_spec.observe import cluster as observed
from mlops_spec.observe.cluster import look_at_cluster
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.instance import deployment_ref, instance, of_model
from mlops_spec.runtime.cluster.objects import Owner
from mlops_spec.runtime.cluster.route import Split, routed
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tree import apply_tree

SERVE = ServeOn(on="kubernetes", router="gateway-api", namespace="ml")


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """An empty cluster, and the KUBECONFIG that leads to it."""
    found = Cluster()
    with serving(found) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
        yield found


def image(number):
    return f"r/{MODEL}@sha256:{number:064x}"


def rolling_out():
    """One release serves, another one is started beside it and gets a quarter."""
    server = ApiServer(connect())
    tree = [o for o in rendered() if o["kind"] not in ("Deployment", "HTTPRoute")]
    apply_tree(server, Owner("flights", "production"), tree)
    for number, track in ((1, "stable"), (2, "next")):
        for made in instance(
            of_model(rendered(), MODEL), MODEL, release=f"r{number}", image=image(number),
            track=track,
        ):  # fmt: skip
            server.apply(made)
    route = next(o for o in rendered() if o["kind"] == "HTTPRoute")
    server.apply(routed(route, MODEL, Split(next=0.25)))
    server.get(deployment_ref("ml", MODEL, "stable"))


def shown(status):
    return [Text.from_markup(line).plain for line in cluster_lines(status)]


def test_releases_are_shown_with_their_pods_their_shares_and_what_is_in_their_way(cluster):
    cluster.images[image(2)] = Image(waiting=("ErrImagePull", "not found"))
    cluster.scaler.after = None
    rolling_out()
    cluster.control()

    lines = shown(look_at_cluster(SERVE, (MODEL,)))

    assert lines[0].startswith("cluster  namespace ml, context 'test' (http://127.0.0.1:")
    assert lines[1:] == [
        f"  {MODEL}  stable  release r1  1 of 2 pods ready  75 % of traffic",
        f"                 because {MODEL}: NotScaled: "
        "its scaler has asked for 1 of at least 2 pods so far",
        f"  {MODEL}  next    release r2  0 of 2 pods ready  25 % of traffic",
        f"                 because {MODEL}-next-1-0: the image {image(2)}: not found",
    ]


def test_pods_are_counted_of_those_that_their_scaler_keeps(cluster):
    rolling_out()
    cluster.control()
    cluster.control()

    lines = shown(look_at_cluster(SERVE, (MODEL,)))

    assert lines[1:] == [
        f"  {MODEL}  stable  release r1  2 of 2 pods ready  75 % of traffic",
        f"  {MODEL}  next    release r2  2 of 2 pods ready  25 % of traffic",
    ]


def test_a_route_that_no_controller_took_is_told(cluster):
    cluster.gateway = False
    rolling_out()

    lines = shown(look_at_cluster(SERVE, (MODEL,)))

    assert lines[-1] == (
        f"  route of {MODEL} is not in force: no controller of a Gateway looks after it"
    )


def test_an_empty_cluster_and_one_that_is_gone_are_told_apart(cluster, monkeypatch):
    monkeypatch.setattr(observed, "LOOK_FOR", 0.2)
    assert shown(look_at_cluster(SERVE, (MODEL,)))[1] == (
        "  nothing runs there; `spec apply` starts it"
    )

    cluster.cut = 1000
    gone = look_at_cluster(SERVE, (MODEL,))
    assert gone.unseen.startswith("the cluster of context 'test'")
    assert shown(gone)[1].startswith("  ? the cluster of context 'test'")
