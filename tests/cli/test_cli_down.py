"""spec down where a cluster answers, refuses or is gone; what runs here ends in every case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from argo_tree import rendered, write_flights
from cluster_answers import status
from cluster_api import Cluster, serving, write_kubeconfig
from cluster_argo import Argo

from mlops_spec.cli import down
from mlops_spec.cli.main import main
from mlops_spec.runtime.cluster.connection import connect
from mlops_spec.runtime.cluster.objects import Owner
from mlops_spec.runtime.cluster.server import ApiServer
from mlops_spec.runtime.cluster.tree import apply_tree
from mlops_spec.terms.workspace import Workspace


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """The project is the working folder, its environment applied, and one program runs here."""
    write_flights(tmp_path)
    monkeypatch.chdir(tmp_path)
    Workspace.of(Path.cwd(), "production").root.mkdir(parents=True)
    monkeypatch.setattr(down, "stop", lambda _: ("flows-flight-delay",))
    monkeypatch.setattr(down, "_PATIENCE", 0.2)
    found = Cluster()
    Argo(found, running=False)
    with serving(found) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
        apply_tree(ApiServer(connect()), Owner("flights", "production"), rendered())
        yield found


def spec_down(capsys, *more):
    code = main(["down", "--env", "production", *more])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_everything_goes_but_the_namespace_and_the_data(cluster, capsys):
    code, out, _ = spec_down(capsys, "--yes")

    assert (code, "rollout/flight-delay, " in out) == (0, True)
    assert "stopped flows-flight-delay; the data stays" in out
    assert sorted({kind for _, kind, _, _ in cluster.objects}) == [
        "Namespace", "PersistentVolumeClaim"
    ]  # fmt: skip


def test_a_cluster_that_is_gone_keeps_nothing_running_here(cluster, capsys):
    cluster.cut = 10_000

    code, out, err = spec_down(capsys)

    assert (code, out) == (
        1, "stopped flows-flight-delay; the data stays, `spec apply` starts all of it again\n"
    )  # fmt: skip
    assert "error MLS620: the cluster of context 'test' " in err
    assert "    what it has there is not known\n" in err
    assert "the same command finishes; nothing of it runs on this machine any more\n" in err


def test_without_a_kubeconfig_what_runs_here_ends_too(cluster, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))

    code, out, err = spec_down(capsys, "-o", "json")

    assert (code, json.loads(out)["stopped"]) == (1, ["flows-flight-delay"])
    assert json.loads(err)["error"]["code"] == "MLS628"


def test_one_object_that_may_not_be_removed_keeps_none_of_the_others(cluster, capsys):
    forbidden = status(403, "Forbidden", "services is forbidden")
    cluster.fail = [("DELETE /api/v1/namespaces/ml/services/flight-delay", 403, forbidden)]

    code, out, err = spec_down(capsys, "--yes")

    assert (code, "configmap/flight-delay-jobs" in out) == (1, True)
    assert "    still there: service/flight-delay\n" in err
    assert "error MLS622: not allowed to remove service/flight-delay" in err
    assert cluster.names("Service") == ["flight-delay"]
    assert cluster.names("Rollout") == []


def test_a_cluster_that_goes_away_half_way_is_told_with_what_is_left(cluster, capsys):
    gone = status(503, "ServiceUnavailable", "etcd")
    at = "DELETE /apis/policy/v1/namespaces/ml/poddisruptionbudgets/flight-delay"
    cluster.fail = [(at, 503, gone)] * 100

    code, _, err = spec_down(capsys, "--yes")

    assert code == 1
    assert "still there: poddisruptionbudget/flight-delay, service/flight-delay, " in err
