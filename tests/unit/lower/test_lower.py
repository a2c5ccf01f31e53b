"""What specs become: seconds, shares, names, and only what was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from language import REPOSITORY, write_project

from mlops_spec.lower import lower
from mlops_spec.lower.conventions import class_name, field_names, image
from mlops_spec.lower.declarations import call, canary, dataset, drift, limits, retrain
from mlops_spec.lower.gate_declarations import gates
from mlops_spec.lower.service import example
from mlops_spec.model.plan import Call, FlowServer, Manifest, RolloutFlow, Schedule, ServiceApp
from mlops_spec.model.project import Project
from mlops_spec.model.spec.dataset import Column
from mlops_spec.model.spec.gates import GatesSpec
from mlops_spec.pipeline import compile_project

FLIGHTS = REPOSITORY / "examples" / "flights"


@pytest.fixture(scope="module")
def flights() -> Project:
    return compile_project(FLIGHTS)[0]


def _arguments(found: Call) -> dict[str, object]:
    return dict(found.arguments)


def test_durations_become_seconds_and_shares_numbers(flights: Project) -> None:
    (model,) = flights.models
    assert canary(model.rollout.canary)[0] == call(
        "CanaryStep", share=0.05, min_requests=400, at_least=0.0, at_most=300.0
    )
    assert limits(model.rollout) == call(
        "Limits", errors=0.01, p99=0.25, score_shift=0.5, confidence=0.95
    )
    assert _arguments(drift(model.monitor))["performance_window"] == 7 * 86400
    assert retrain(model.spec.retrain) == call(
        "Retrain",
        when=("drift", "performance"),
        cooldown=259200.0,
        budget=4,
        budget_seconds=2592000,
    )


def test_a_dataset_names_what_identifies_a_row_first_and_leaves_defaults_out(
    flights: Project,
) -> None:
    (model,) = flights.models
    lowered = _arguments(dataset(model.dataset.spec, model.spec.features))
    columns = lowered["columns"]
    assert isinstance(columns, tuple)
    assert [_arguments(column)["name"] for column in columns][:5] == [
        "flight_id", "departs_at", "late", "carrier", "origin",
    ]  # fmt: skip
    assert columns[3] == call("Column", name="carrier", type="category")
    assert columns[9] == call("Column", name="temp", type="float", nullable=True)
    assert "bad_rows" not in lowered
    assert lowered["label_arrives_after"] == 86400.0


def test_limits_stand_before_comparisons_and_primary_is_the_tasks_own() -> None:
    spec = GatesSpec.model_validate(
        {
            "kind": "Gates",
            "name": "g",
            "metrics": {"recall": {"min": 0.5}, "brier_score": {"max": 0.2}},
            "production": {
                "primary": {"hypothesis": "superiority"},
                "accuracy": {"hypothesis": "margin", "margin": "0.5pp"},
            },
        }
    )
    assert gates(spec, "binary") == call(
        "Gates",
        gates=(
            call("AtMost", metric="brier_score", limit=0.2),
            call("AtLeast", metric="recall", limit=0.5),
            call("Against", metric="accuracy", hypothesis="margin", margin=0.005, unit="pp"),
            call("Against", metric="roc_auc", hypothesis="superiority"),
        ),
    )


def test_only_what_was_asked_for_is_there(flights: Project) -> None:
    local = lower(flights, "local").artifacts
    assert [type(artifact).__name__ for artifact in local] == [
        "TrainFlow", "RolloutFlow", "MonitorFlow", "BatchFlow", "FlowServer", "ServiceApp", "Image",
        "Manifest",
    ]  # fmt: skip
    manifests = [a.path for a in lower(flights, "production").artifacts if isinstance(a, Manifest)]
    assert manifests == [
        "namespace.yaml",
        "volume.yaml",
        "kubernetes/service-account.yaml",
        "kubernetes/network-policy.yaml",
        "kubernetes/deployment.yaml",
        "kubernetes/service.yaml",
        "kubernetes/autoscaler.yaml",
        "kubernetes/disruption-budget.yaml",
        "kubernetes/route.yaml",
        "kubernetes/pod-monitor.yaml",
        "kubernetes/prometheus-rule.yaml",
        "kubernetes/jobs-service-account.yaml",
        "kubernetes/jobs-settings.yaml",
        "kubernetes/jobs-network-policy.yaml",
        "kubernetes/batch-job.yaml",
        "kubernetes/monitor-job.yaml",
        "prometheus/rules.yaml",
    ]


def test_rows_are_replayed_only_where_there_are_no_users(flights: Project) -> None:
    replayed = {
        name: artifact.replay
        for name in flights.environments
        for artifact in lower(flights, name).artifacts
        if isinstance(artifact, RolloutFlow)
    }
    assert replayed == {"local": True, "production": False}


def test_a_scheduled_training_rolls_out_by_itself(flights: Project) -> None:
    (server,) = (a for a in lower(flights, "local").artifacts if isinstance(a, FlowServer))
    then = (("parameters", {"then_rollout": True}),)
    assert server.schedules == (
        Schedule(
            "train", "0 3 * * 1", Call("Cron", (("", "0 3 * * 1"), ("timezone", "UTC"), *then))
        ),
        Schedule("rollout", None),
        Schedule("monitor", "0 * * * *", Call("Cron", (("", "0 * * * *"), ("timezone", "UTC")))),
        Schedule("batch", "0 2 * * *", Call("Cron", (("", "0 2 * * *"), ("timezone", "UTC")))),
    )


def test_a_request_has_a_field_for_every_feature(flights: Project) -> None:
    (service,) = (a for a in lower(flights, "local").artifacts if isinstance(a, ServiceApp))
    assert service.class_name == "FlightDelay"
    assert tuple(field.column for field in service.fields) == flights.models[0].spec.features
    origin = next(field for field in service.fields if field.name == "origin")
    assert (origin.type, origin.values, origin.example) == ("str", ("EWR", "JFK", "LGA"), "EWR")


def test_an_environment_that_is_not_there_is_an_error(flights: Project) -> None:
    with pytest.raises(KeyError):
        lower(flights, "nowhere")


def test_the_sample_of_the_whole_language_lowers(tmp_path: Path) -> None:
    project = compile_project(write_project(tmp_path))[0]
    for environment in project.environments:
        assert lower(project, environment).artifacts


FIELD_NAMES = {
    "a plain name stays": (["age"], ["age"]),
    "Greek stays": (["μέγεθος"], ["μέγεθος"]),
    "what Python would read as another name does not": (["ﬁt"], ["fit"]),
    "a keyword gets a prefix": (["class"], ["column_class"]),
    "a builtin type gets a prefix": (["float", "str"], ["column_float", "column_str"]),
    "pydantic's own names get a prefix": (
        ["json", "model_config"], ["column_json", "column_model_config"],
    ),
    "a digit gets a prefix": (["1st floor"], ["column_1st_floor"]),
    "an underscore is dropped": (["_id"], ["id"]),
    "signs become one underscore": (["Price (US $)"], ["price_us"]),
    "nothing but signs": (["%", "$"], ["column", "column_2"]),
    "unlike columns stay unlike": (["a b", "a-b", "a_b"], ["a_b", "a_b_2", "a_b_3"]),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "names"), FIELD_NAMES.values(), ids=FIELD_NAMES)
def test_field_names(columns: list[str], names: list[str]) -> None:
    assert list(field_names(columns)) == list(zip(names, columns, strict=True))


EXAMPLES = {
    "between the bounds": (Column(type="float", min=0, max=6000), 3000.0),
    "at the one bound there is": (Column(type="integer", min=3), 3),
    "at the upper one": (Column(type="float", max=-1), -1.0),
    "zero without bounds": (Column(type="integer"), 0),
    "the first value": (Column(type="category", values=("b", "a")), "b"),
    "any text": (Column(type="category"), "text"),
    "true": (Column(type="boolean"), True),
    "a time": (Column(type="timestamp"), "2024-01-31T12:00:00Z"),
}


@pytest.mark.parametrize(("column", "value"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_example_of_a_field_is_one_that_it_takes(column: Column, value: object) -> None:
    assert example(column) == value


def test_names_that_are_made_up() -> None:
    assert class_name("flight-delay-2") == "FlightDelay2"
    assert image("registry.example/ml/", "churn") == "registry.example/ml/churn:production"
    assert image("", "churn") == "churn:production"


def test_an_image_has_what_grpc_takes_where_a_model_asks_for_it(flights: Project) -> None:
    (model,) = flights.models
    serve = model.spec.serve.model_copy(update={"grpc": True})
    spec = model.spec.model_copy(update={"serve": serve})
    asking = replace(model, document=replace(model.document, spec=spec))
    found = lower(replace(flights, models=(asking,)), "local").artifacts
    assert [a.grpc for a in found if isinstance(a, ServiceApp)] == [True]
    assert [type(a).__name__ for a in found].count("GrpcPackages") == 1
