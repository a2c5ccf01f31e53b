"""What Argo makes of a Rollout, as `spec status` tells it."""

from __future__ import annotations

import pytest
from argo_tree import compiled, rendered
from cluster_api import Cluster, serving, write_kubeconfig
from cluster_argo import Argo
from cluster_pods import Image
from cluster_tree import MODEL
from rich.text import Text

from mlops_spec.cli.views.cluster_text import cluster_lines
from mlops_spec.observe.cluster import look_at_cluster
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.instance import instance
from mlops_spec.runtime.cluster.objects import Owner
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tree import apply_tree


@pytest.fixture
def argo(tmp_path, monkeypatch):
    found = Argo(Cluster())
    with serving(found.cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
        tree = [one for one in rendered() if one["kind"] != "Rollout"]
        apply_tree(ApiServer(connect()), Owner("flights", "production"), tree)
        yield found


def image(number):
    return f"r/{MODEL}@sha256:{number:064x}"


def ask_for(argo, number):
    """A release, and the time that Argo needs for what it does with it."""
    rollout = [one for one in rendered() if one["kind"] == "Rollout"]
    for made in instance(
        rollout, MODEL, release=f"r{number}", image=image(number), track="stable"
    ):  # fmt: skip
        ApiServer(connect()).apply(made)
    for _ in range(20):
        argo.cluster.control()


def shown():
    status = look_at_cluster(compiled()[0].environments["production"].serve, (MODEL,))
    return [Text.from_markup(line).plain for line in cluster_lines(status)][1:]


def test_what_serves_is_one_line(argo):
    assert shown() == ["  nothing runs there; `spec apply` starts it"]
    ask_for(argo, 1)
    assert shown() == [f"  {MODEL}  stable  release r1  2 of 2 pods ready  100 % of traffic"]


def test_a_release_on_its_way_is_shown_with_its_share_its_step_and_its_pods(argo):
    ask_for(argo, 1)
    argo.hold = 1
    ask_for(argo, 2)
    assert shown() == [
        f"  {MODEL}  stable  release r1  1 of 1 pods ready  50 % of traffic",
        f"  {MODEL}  next    release r2  1 of 1 pods ready  50 % of traffic",
        f"  {MODEL}  Argo: step 2 of 6, 50 % of copies, Progressing: more replicas need to be"
        " updated, 2 of 2 pods ready",
    ]


def test_an_abort_is_told_in_argo_s_words_with_the_metric(argo):
    ask_for(argo, 1)
    argo.measured[image(2)] = {"errors": 0.5}
    ask_for(argo, 2)
    assert shown() == [
        f"  {MODEL}  stable  release r1  2 of 2 pods ready  100 % of traffic",
        f"  {MODEL}  Argo: Degraded: RolloutAborted: Rollout aborted update to revision 2: Metric"
        ' "errors" assessed Failed due to failed (1) > failureLimit (0), 2 of 2 pods ready',
    ]


def test_pods_that_do_not_start_are_explained(argo):
    ask_for(argo, 1)
    argo.cluster.images[image(2)] = Image(waiting=("ErrImagePull", "not found"))
    ask_for(argo, 2)
    assert f"the image {image(2)}: not found" in "".join(shown())
