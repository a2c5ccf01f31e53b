"""What one object says, where specs differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from language import write_project

from mlops_spec.lower import lower
from mlops_spec.lower.conventions import job_name
from mlops_spec.lower.kubernetes.namespace import is_ours
from mlops_spec.lower.kubernetes.quantity import cores, size
from mlops_spec.lower.origin import place
from mlops_spec.model.facets import facets
from mlops_spec.model.plan import FlowServer, Image, Manifest
from mlops_spec.model.project import Project
from mlops_spec.model.spec.base import Change
from mlops_spec.model.units import Bytes
from mlops_spec.pipeline import compile_project

KEY = "hR7cJr0T7mB5m1m3kqVnM4o7v3r8w5yQz2t1u0s9xWc="
CLUSTER = """\
# mlops.yaml
project: trips
environments:
  production:
    serve: {on: kubernetes, router: gateway-api, namespace: ml}
"""
MODEL = """\
# specs/case.yaml
kind: Model
name: late-trip
dataset: trips
task: binary
features: [zone, distance]
train: {estimator: sklearn.linear_model.LogisticRegression}
"""


def compiled(root: Path, project: str, model: str) -> Project:
    found = write_project(root, (project + MODEL + model).encode())
    return compile_project(found)[0]


def spec_of(project: Project, path: str) -> Mapping[str, Any]:
    """The `spec` of an object of late-trip."""
    found = lower(project, "production").artifacts
    (manifest,) = (
        a for a in found
        if isinstance(a, Manifest) and a.origin.model == "late-trip" and a.path == path
    )  # fmt: skip
    (made,) = manifest.documents
    spec: Mapping[str, Any] = made["spec"]
    return spec


RESOURCES = {
    "by workers": ("serve: {workers: 3}", {"cpu": "3", "memory": "3072Mi"}),
    "as asked": (
        "serve: {workers: 3, resources: {cpu: 0.25, memory: 1.5GB}}",
        {"cpu": "250m", "memory": "1500M"},
    ),
    "one of them": (
        "serve: {resources: {memory: 512MB}}", {"cpu": "1", "memory": "512M"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "requests"), RESOURCES.values(), ids=RESOURCES)
def test_a_copy_asks_for(tmp_path: Path, model: str, requests: dict[str, str]) -> None:
    deployment = spec_of(compiled(tmp_path, CLUSTER, model), "kubernetes/deployment.yaml")
    (container,) = deployment["template"]["spec"]["containers"]
    resources = container["resources"]
    assert {name: resources["requests"][name] for name in requests} == requests
    assert resources["limits"]["memory"] == requests["memory"]


@pytest.mark.parametrize(
    ("timeout", "seconds"), [("200ms", 20), ("8s", 20), ("8.1s", 21), ("1m", 72)]
)
def test_a_copy_that_ends_waits_for_its_answers(tmp_path: Path, timeout: str, seconds: int) -> None:
    model = f"serve: {{timeout: {timeout}}}"
    project = compiled(tmp_path, CLUSTER, model)
    deployment = spec_of(project, "kubernetes/deployment.yaml")
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] == seconds
    (image,) = (
        a for a in lower(project, "production").artifacts
        if isinstance(a, Image) and a.origin.model == "late-trip"
    )  # fmt: skip
    assert image.drain == seconds - 5 - 7  # less what the router and the log need


def test_grpc_has_a_port_of_its_own(tmp_path: Path) -> None:
    project = compiled(tmp_path, CLUSTER, "serve: {grpc: true}")
    deployment = spec_of(project, "kubernetes/deployment.yaml")
    (container,) = deployment["template"]["spec"]["containers"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
        "http": 3000, "grpc": 9000,
    }  # fmt: skip
    assert {"name": "MLOPS_SPEC_GRPC", "value": "0.0.0.0:9000"} in container["env"]
    ports = spec_of(project, "kubernetes/service.yaml")["ports"]
    assert [(port["name"], port["targetPort"], port["appProtocol"]) for port in ports] == [
        ("http", "http", "http"), ("grpc", "grpc", "kubernetes.io/h2c"),
    ]  # fmt: skip


def test_a_call_of_grpc_is_routed_by_the_model_that_its_metadata_names(tmp_path: Path) -> None:
    project = compiled(tmp_path, CLUSTER, "serve: {grpc: true}")
    *_, rule = spec_of(project, "kubernetes/route.yaml")["rules"]
    assert rule == {
        "matches": [
            {
                "path": {"type": "PathPrefix", "value": "/inference.GRPCInferenceService"},
                "headers": [{"type": "Exact", "name": "x-mlops-model", "value": "late-trip"}],
            }
        ],
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"remove": ["x-mlops-release", "x-mlops-shadow"]},
            }
        ],
        "timeouts": {"request": "3s"},
        "backendRefs": [{"name": "late-trip", "port": 9000, "weight": 100}],
    }


def test_calls_of_grpc_are_waited_for_after_requests_over_http(tmp_path: Path) -> None:
    found = compiled(tmp_path, CLUSTER, "serve: {timeout: 20s, grpc: true}")
    deployment = spec_of(found, "kubernetes/deployment.yaml")
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] == 5 + 2 * 20 + 7


def test_without_a_claim_the_log_is_bounded_before_its_pod_is_evicted(tmp_path: Path) -> None:
    three = compiled(tmp_path, CLUSTER, "serve: {workers: 3}")
    pod = spec_of(three, "kubernetes/deployment.yaml")["template"]["spec"]
    env = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert 2 * 3 * int(env["MLOPS_SPEC_LOG_KEEPS"]) <= 1024 * 2**20
    assert [volume["emptyDir"] for volume in pod["volumes"]] == [
        {"sizeLimit": "512Mi"}, {"sizeLimit": "1024Mi"},
    ]  # fmt: skip
    limits = pod["containers"][0]["resources"]["limits"]
    assert limits["ephemeral-storage"] == "2048Mi"


def test_a_claim_of_a_size_is_made_and_another_is_there_already(tmp_path: Path) -> None:
    sized = CLUSTER.replace("namespace: ml", "namespace: ml, volume: trips, volume_size: 20GB")
    found = compiled(tmp_path / "a", sized, "")
    (claim,) = (
        a.documents[0] for a in lower(found, "production").artifacts
        if isinstance(a, Manifest) and a.path == "volume.yaml"
    )  # fmt: skip
    assert (claim["kind"], claim["metadata"]["name"]) == ("PersistentVolumeClaim", "trips")
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "20G"}},
    }
    named = CLUSTER.replace("namespace: ml", "namespace: ml, volume: trips")
    artifacts = lower(compiled(tmp_path / "b", named, ""), "production").artifacts
    assert not [a for a in artifacts if isinstance(a, Manifest) and a.path == "volume.yaml"]


def test_a_job_has_the_state_and_prefect_does_not_run_it_too(tmp_path: Path) -> None:
    environment = CLUSTER + "    state_env: STATE\n    flows: {image: flows, secret: keys}\n"
    batch = 'batch: {schedule: "0 2 * * *", input: waiting-trips, output: {parquet: out}}\n'
    project = compiled(tmp_path, environment, batch)
    job = spec_of(project, "kubernetes/batch-job.yaml")
    (container,) = job["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert (job["schedule"], job["timeZone"]) == ("0 2 * * *", "Etc/UTC")
    assert container["command"] == [
        "python", "generated/production/late-trip/flows/batch.py",
    ]  # fmt: skip
    assert container["env"] == [
        {
            "name": "MLOPS_SPEC_STATE",
            "valueFrom": {"secretKeyRef": {"name": "keys", "key": "STATE"}},
        }
    ]
    servers = [a for a in lower(project, "production").artifacts if isinstance(a, FlowServer)]
    crons = {schedule.flow: schedule.cron for server in servers for schedule in server.schedules}
    assert (crons["batch"], crons["monitor"]) == (None, None)


def test_jobs_run_as_somebody_else_than_the_service_and_ask_for_what_is_written(
    tmp_path: Path,
) -> None:
    """A cloud's rights belong to an account: those to read data are not for who answers users."""
    flows = "    flows: {image: flows, resources: {cpu: 0.5, memory: 1.5GB}}\n"
    project = compiled(tmp_path, CLUSTER + flows, "")
    job = spec_of(project, "kubernetes/monitor-job.yaml")["jobTemplate"]["spec"]["template"]["spec"]
    service = spec_of(project, "kubernetes/deployment.yaml")["template"]["spec"]
    accounts = (job["serviceAccountName"], service["serviceAccountName"])
    assert accounts == ("late-trip-jobs", "late-trip")
    made = {
        a.documents[0]["metadata"]["name"]
        for a in lower(project, "production").artifacts
        if isinstance(a, Manifest) and a.documents[0].get("kind") == "ServiceAccount"
    }
    assert made >= set(accounts)
    (container,) = job["containers"]
    disk = {"ephemeral-storage": "6Gi"}
    assert container["resources"] == {
        "requests": {"cpu": "500m", "memory": "1500M", **disk},
        "limits": {"memory": "1500M", **disk},
    }


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        ("*/5 * * * *", 3600),
        ("0 */6 * * *", 6 * 3600),
        ("0 2 * * *", 86_400),
        ("0 3 * * 1", 86_400),
    ],
)
def test_a_job_that_hangs_ends_when_the_next_is_due(
    tmp_path: Path, schedule: str, seconds: int
) -> None:
    """After an hour at least, so that it may start; after a day at most, so that somebody hears."""
    batch = f'batch: {{schedule: "{schedule}", input: waiting-trips, output: {{parquet: out}}}}\n'
    project = compiled(tmp_path, CLUSTER + "    flows: {image: flows}\n", batch)
    job = spec_of(project, "kubernetes/batch-job.yaml")
    assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] == seconds
    (rule,) = job["jobTemplate"]["spec"]["podFailurePolicy"][
        "rules"
    ]  # a drained node is no attempt
    assert (rule["action"], rule["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")


def test_a_change_of_copies_scales_and_makes_no_other_release(tmp_path: Path) -> None:
    """The same project in both, but for what a cluster runs it on."""
    bigger = "serve: {replicas: {max: 20}, resources: {memory: 4GB}}"
    before, after = (
        next(model for model in project.models if model.name == "late-trip")
        for project in (
            compiled(tmp_path / "a", CLUSTER, ""), compiled(tmp_path / "b", CLUSTER, bigger),
        )
    )  # fmt: skip
    one, other = facets(before), facets(after)
    assert {change for change in Change if one[change] != other[change]} == {Change.SCALE}


def test_no_flow_depends_on_the_number_of_copies(tmp_path: Path) -> None:
    project = compiled(tmp_path, CLUSTER, "")
    assert "scale" not in place(project, "production", project.models[0]).origin.facets


def test_amounts_are_written_as_kubernetes_does() -> None:
    assert [cores(cpu) for cpu in (1, 2.0, 0.25, 1.5)] == ["1", "2", "250m", "1500m"]
    amounts = (20_000_000_000, 1_500_000_000, 500_000, 1_048_577)
    assert [size(Bytes(count)) for count in amounts] == ["20G", "1500M", "500k", "1048577"]


def test_names_of_jobs_leave_room_for_those_of_their_pods(tmp_path: Path) -> None:
    project = compiled(tmp_path, CLUSTER, "")
    origin = place(project, "production", project.models[-1]).origin
    assert job_name(origin, "batch") == "late-trip-batch"
    longest = [
        job_name(type(origin)(**{**_fields(origin), "model": name}), flow)
        for name in ("m" * 50, "m" * 49 + "n")
        for flow in ("batch", "monitor")
    ]
    assert all(len(name) <= 52 for name in longest)
    assert len(set(longest)) == 4


def _fields(origin: Any) -> dict[str, Any]:
    return {name: getattr(origin, name) for name in type(origin).__dataclass_fields__}


def test_a_project_rules_its_own_namespaces_alone() -> None:
    assert [name for name in ("ml", "default", "default-ml", "kube-system") if is_ours(name)] == [
        "ml", "default-ml",
    ]  # fmt: skip
