"""What Spark's operator gets, against its own definitions; and what else the tree holds then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from custom_resources import mistakes
from language import write_project
from pod_security import violations

from mlops_spec.model.files import FileSet
from mlops_spec.pipeline import compile_project, render_project

FOLDER = "generated/{}/best-driver"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, in which best-driver predicts on Spark."""
    return write_project(tmp_path_factory.mktemp("spark") / "project")


def rendered(root: Path, schedule: str = "", environment: str = "production") -> FileSet:
    specs = root / "specs" / "model.yaml"
    text = specs.read_text(encoding="utf-8")
    scheduled = text.replace("  on: spark\n", f'  schedule: "{schedule}"\n  on: spark\n')
    specs.write_text(scheduled if schedule else text, encoding="utf-8")
    try:
        return render_project(compile_project(root)[0], environment)
    finally:
        specs.write_text(text, encoding="utf-8")


def one(files: FileSet, path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files.texts[f"{FOLDER.format('production')}/{path}"])
    return found


def test_a_schedule_is_the_operators_and_runs_never_overlap(root: Path) -> None:
    found = one(rendered(root, "30 4 * * *"), "kubernetes/spark-application.yaml")

    assert mistakes(found) == []
    assert (found["kind"], found["metadata"]["name"]) == (
        "ScheduledSparkApplication", "best-driver-batch",
    )  # fmt: skip
    assert {key: found["spec"][key] for key in ("schedule", "timeZone", "concurrencyPolicy")} == {
        "schedule": "30 4 * * *", "timeZone": "UTC", "concurrencyPolicy": "Forbid",
    }  # fmt: skip


def test_without_a_schedule_nothing_runs_by_being_applied(root: Path) -> None:
    files = rendered(root)
    found = one(files, "spark/application.yaml")

    assert mistakes(found) == []
    assert found["kind"] == "SparkApplication"
    applied = [path for path in files.texts if "/kubernetes/" in path]
    assert not any("application" in path for path in applied)


def test_the_run_is_what_the_environment_says(root: Path) -> None:
    run = one(rendered(root), "spark/application.yaml")["spec"]

    assert run["mainApplicationFile"] == (
        "local:///opt/spark/work-dir/generated/production/best-driver/spark/batch.py"
    )
    assert (run["image"], run["sparkVersion"]) == (
        "registry.acme.example/ml/trips-spark:2026-11", "4.1.1",
    )  # fmt: skip
    assert (run["executor"]["instances"], run["executor"]["cores"], run["executor"]["memory"]) == (
        8, 2, "5722m",
    )  # fmt: skip
    assert run["sparkConf"] == {"spark.hadoop.fs.s3a.endpoint.region": "eu-central-1"}
    secret = run["driver"]["env"][1]["valueFrom"]["secretKeyRef"]
    assert secret == {"name": "trips-flows", "key": "MLOPS_STATE_URL"}


@pytest.mark.parametrize("part", ["driver", "executor"])
def test_its_pods_are_restricted_ones(root: Path, part: str) -> None:
    run = one(rendered(root), "spark/application.yaml")["spec"]
    context = run[part]["securityContext"]

    assert list(violations({"containers": [{"name": part, "securityContext": context}]})) == []


def test_it_runs_there_and_nowhere_else(root: Path) -> None:
    """A CronJob or a Prefect schedule beside it would predict the same rows twice."""
    files = rendered(root, "30 4 * * *")
    paths = {path.partition("best-driver/")[2] for path in files.texts if "best-driver/" in path}

    assert "spark/batch.py" in paths
    assert paths & {"flows/batch.py", "kubernetes/batch-job.yaml"} == set()
    assert "batch" not in files.texts[f"{FOLDER.format('production')}/flows/serve.py"]


def test_an_environment_without_spark_predicts_where_its_flows_run(root: Path) -> None:
    files = rendered(root, environment="local")
    paths = {path.partition("best-driver/")[2] for path in files.texts if "best-driver/" in path}

    assert "flows/batch.py" in paths
    assert not any("spark" in path for path in paths)


def test_driver_and_executors_may_talk_to_each_other(root: Path) -> None:
    files = rendered(root)
    policy = one(files, "kubernetes/spark-network-policy.yaml")["spec"]
    labels: Mapping[str, str] = one(files, "spark/application.yaml")["spec"]["driver"]["labels"]

    selected = policy["podSelector"]["matchLabels"]
    assert selected.items() <= labels.items()
    assert policy["ingress"] == [{"from": [{"podSelector": {"matchLabels": selected}}]}]
