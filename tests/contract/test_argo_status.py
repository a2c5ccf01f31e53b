"""The status that the test cluster's Argo writes, against Argo's own definition of it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from cluster_api import Cluster
from cluster_argo import Argo
from custom_resources import mistakes
from trees import objects

from mlops_spec.model.files import FileSet


def test_every_status_on_the_way_is_one_that_argo_could_write(
    trees: Mapping[str, FileSet],
) -> None:
    cluster = Cluster()
    argo = Argo(cluster)
    found = {
        (one["kind"], one["metadata"]["name"]): one
        for path, one in objects(trees["argo/inside"])
        if "/late-trip/" in path and one["apiVersion"].startswith("argoproj.io/")
    }
    for (kind, name), one in found.items():
        key = (one["apiVersion"], kind, "ml", name)
        cluster.apply(key, deepcopy(dict(one)), "us", False)
    seen = []

    for turn in range(40):
        if turn == 5:
            second = deepcopy(dict(found["Rollout", "late-trip"]))
            second["spec"]["template"]["spec"]["containers"][0]["image"] = "second"
            cluster.apply(
                ("argoproj.io/v1alpha1", "Rollout", "ml", "late-trip"), second, "us", True
            )
        if turn == 25:
            argo.measured["second"] = {"errors": 0.5}
        cluster.control()
        rollout = cluster.find("Rollout", "late-trip")
        assert mistakes(rollout) == []
        seen.append(rollout["status"]["phase"])

    assert {"Progressing", "Healthy"} <= set(seen)
