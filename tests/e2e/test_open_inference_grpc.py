"""The Open Inference Protocol over gRPC, held against Triton's own client."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tritonclient.grpc as triton
from packaged_service import APP, Copy, free_port, project, released, running
from tritonclient.utils import InferenceServerException

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.service.log_files import read

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google|grpc).*"),
]
RELEASE = "0123456789abcdef"
DISTANCES, STOPS, WINDY = [900.0, 3000.0], [2, 0], [np.nan, 0.25]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return project(tmp_path_factory.mktemp("project"), replace(APP, grpc=True))


@pytest.fixture(scope="module")
def pipeline(context: Context) -> Any:
    return released(context, RELEASE)


@pytest.fixture(scope="module")
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def copy(context: Context, pipeline: Any, address: str) -> Iterator[Copy]:
    with running(context, RELEASE, workers=2, MLOPS_SPEC_GRPC=address) as found:
        yield found


@pytest.fixture
def client(copy: Copy, address: str) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(address) as found:
        yield found


def inputs(**changed: list[Any]) -> list[triton.InferInput]:
    columns = {
        "distance": ("FP64", DISTANCES), "stops": ("INT64", STOPS), "windy": ("FP32", WINDY),
        "trip_id": ("BYTES", ["t1", "zwölf"]),
    }  # fmt: skip
    found = []
    for name, (datatype, given) in columns.items():
        dtype = {"FP64": "f8", "INT64": "i8", "FP32": "f4", "BYTES": object}[datatype]
        values = np.array(changed.get(name, given), dtype=dtype)
        each = triton.InferInput(name, list(values.shape), datatype)
        each.set_data_from_numpy(values)
        found.append(each)
    return found


def test_it_is_live_and_ready_and_says_what_the_model_is(
    client: triton.InferenceServerClient,
) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("trip", "7")
    assert client.get_server_metadata().name == "mlops-spec"
    found = client.get_model_metadata("trip", as_json=True)
    assert (found["versions"], found["platform"]) == (["7"], "trees")
    assert [(each["name"], each["datatype"]) for each in found["inputs"]] == [
        ("distance", "FP64"), ("stops", "INT64"), ("windy", "FP64"),
    ]  # fmt: skip


def test_tensors_are_scored(client: triton.InferenceServerClient, pipeline: Any) -> None:
    found = client.infer("trip", inputs(), request_id="own-id")

    frame = pd.DataFrame({"distance": DISTANCES, "stops": [2.0, 0.0], "windy": WINDY})
    wanted = [float(each) for each in pipeline.predict_proba(frame)[:, 1]]
    assert found.get_response().id == "own-id"
    assert found.as_numpy("score").tolist() == pytest.approx(wanted)
    assert found.as_numpy("decision").tolist() == [False, True]
    one = client.infer("trip", inputs(), outputs=[triton.InferRequestedOutput("decision")])
    assert [each.name for each in one.get_response().outputs] == ["decision"]


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        (
            ("trip", {"distance": [-1.0, 1.0]}),
            "INVALID_ARGUMENT",
            "rows[0].distance: found -1.0 (number), expected a number from 0",
        ),
        (
            ("trip", {"stops": [1]}),
            "INVALID_ARGUMENT",
            "inputs[1].shape: found [1] with 1 values, expected [2] or [2, 1]",
        ),
        (("bus", {}), "NOT_FOUND", "there is no model 'bus'; this is 'trip', version '7'"),
    ],
)  # fmt: skip
def test_a_bad_request_is_refused_with_what_is_wrong(
    client: triton.InferenceServerClient, asked: Any, code: str, says: str
) -> None:
    model, changed = asked
    with pytest.raises(InferenceServerException) as refused:
        client.infer(model, inputs(**changed))
    assert (refused.value.status(), says in refused.value.message()) == (f"StatusCode.{code}", True)


def test_a_refusal_with_much_to_say_still_fits_into_a_call(
    client: triton.InferenceServerClient,
) -> None:
    many = {name: [value] * 60 for name, value in (("stops", 1), ("windy", 0.5), ("trip_id", "a"))}
    with pytest.raises(InferenceServerException) as refused:
        client.infer("trip", inputs(**many, distance=[-1.0 * n for n in range(1, 61)]))
    message = refused.value.message()
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert message.startswith("rows[0].distance: found -1.0 (number), expected a number from 0")
    named = inputs()
    named[0] = triton.InferInput("é" * 4_000, [2], "FP64")
    named[0].set_data_from_numpy(np.array(DISTANCES))
    with pytest.raises(InferenceServerException) as unknown:
        client.infer("trip", named)
    assert unknown.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert "there is no such column" in unknown.value.message()


def test_what_was_asked_is_counted_and_logged_also_while_it_drains(
    context: Context, pipeline: Any
) -> None:
    address = f"127.0.0.1:{free_port()}"
    with running(context, RELEASE, MLOPS_SPEC_GRPC=address) as copy:
        with triton.InferenceServerClient(address) as client, ThreadPoolExecutor(4) as pool:

            def ask(number: int) -> None:
                client.infer("trip", inputs(), request_id=f"grpc-{number}")

            list(pool.map(ask, range(50)))
        with copy.client() as http:
            metrics = http.get("/metrics").text
        copy.process.terminate()
        copy.process.wait(90)

    labels = 'code="200",model="trip",release="0123456789abcdef",shadow="false"'
    assert f"mlops_requests_total{{{labels}}} 50.0" in metrics
    log = read(context.workspace.predictions("trip", RELEASE), None, None)
    rows = log[log["request_id"].str.startswith("grpc-")]
    assert (len(rows), rows["request_id"].nunique()) == (100, 50)
    assert set(rows["key"]) == {"t1", "zwölf"}
