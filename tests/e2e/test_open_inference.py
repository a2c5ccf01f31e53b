"""The Open Inference Protocol, held against Triton's own client."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from packaged_service import Copy, project, released, running
from tritonclient.utils import InferenceServerException

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.service.log_files import read

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google|geventhttp).*"),
]
RELEASE = "0123456789abcdef"
INFER = "/v2/models/trip/infer"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def pipeline(context: Context) -> Any:
    return released(context, RELEASE)


@pytest.fixture(scope="module")
def copy(context: Context, pipeline: Any) -> Iterator[Copy]:
    with running(context, RELEASE) as found:
        yield found


@pytest.fixture
def client(copy: Copy) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(copy.url.removeprefix("http://")) as found:
        yield found


DISTANCES, STOPS, WINDY = [900.0, 3000.0], [2, 0], [np.nan, 0.25]


def inputs(binary: bool) -> list[triton.InferInput]:
    columns = (
        ("distance", "FP64", np.array(DISTANCES)), ("stops", "INT64", np.array(STOPS)),
        ("windy", "FP32", np.array(WINDY, dtype=np.float32)),
        ("trip_id", "BYTES", np.array(["t1", "zwölf"], dtype=object)),
    )  # fmt: skip
    found = []
    for name, datatype, values in columns:
        each = triton.InferInput(name, [len(values), 1], datatype)
        each.set_data_from_numpy(values.reshape(-1, 1), binary_data=binary)
        found.append(each)
    return found


def wanted(pipeline: Any) -> list[float]:
    frame = pd.DataFrame({"distance": DISTANCES, "stops": [2.0, 0.0], "windy": WINDY})
    return [float(each) for each in pipeline.predict_proba(frame)[:, 1]]


def test_it_is_live_and_ready_and_says_what_the_model_is(
    client: triton.InferenceServerClient,
) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("trip")
    assert client.is_model_ready("trip", "7")
    assert not client.is_model_ready("another")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert client.get_model_metadata("trip") == {
        "name": "trip", "versions": ["7"], "platform": "trees",
        "inputs": [
            {"name": "distance", "datatype": "FP64", "shape": [-1]},
            {"name": "stops", "datatype": "INT64", "shape": [-1]},
            {"name": "windy", "datatype": "FP64", "shape": [-1]},
        ],
        "outputs": [
            {"name": "score", "datatype": "FP64", "shape": [-1]},
            {"name": "decision", "datatype": "BOOL", "shape": [-1]},
        ],
    }  # fmt: skip


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_tensors_are_scored_as_bytes_and_as_json(
    client: triton.InferenceServerClient, pipeline: Any, binary_in: bool, binary_out: bool
) -> None:
    given = inputs(binary_in)
    if not binary_in:
        # The client writes NaN into its JSON, which is none.
        given[2].set_data_from_numpy(np.array([[0.5], [0.25]], dtype=np.float32), binary_data=False)
    outputs = [
        triton.InferRequestedOutput(name, binary_data=binary_out) for name in ("decision", "score")
    ]
    found = client.infer("trip", given, outputs=outputs, request_id="own-id")

    assert found.get_response()["id"] == "own-id"
    assert found.get_response()["model_version"] == "7"
    assert found.as_numpy("decision").tolist() == [False, True]
    if binary_in:
        assert found.as_numpy("score").tolist() == pytest.approx(wanted(pipeline))


BAD: dict[str, tuple[Any, int, str]] = {
    "not JSON": (b"inputs", 400, "the body is not a request of the protocol"),
    "no inputs": ({"inputs": []}, 400, "inputs: found none, expected one tensor for each column"),
    "without shape": ({"inputs": [{"name": "a", "datatype": "FP64"}]}, 400, "shape"),
    "another length": (
        {"inputs": [{"name": "distance", "shape": [2], "datatype": "FP64", "data": [1.0]}]},
        400, "inputs[0].shape: found [2] with 1 values, expected [1] or [1, 1]",
    ),
    "twice": (
        {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1.0]}] * 2},
        400, "inputs[1].name: found 'a' for the second time",
    ),
    "below the minimum": (
        {"inputs": [
            {"name": "distance", "shape": [1], "datatype": "FP64", "data": [-1.0]},
            {"name": "stops", "shape": [1], "datatype": "INT64", "data": [1]},
        ]},
        422, "rows[0].distance: found -1.0 (number), expected a number from 0 to 6000",
    ),
    "an integer of 80 bits": (
        {"inputs": [
            {"name": "distance", "shape": [1], "datatype": "FP64", "data": [1.0]},
            {"name": "stops", "shape": [1], "datatype": "INT64", "data": [1]},
            {"name": "trip_id", "shape": [1], "datatype": "INT64", "data": [10**23]},
        ]},
        422, "rows[0].trip_id: found 100000000000000000000000 (integer), expected text or",
    ),
    "an output that is not there": (
        {"inputs": [
            {"name": "distance", "shape": [1], "datatype": "FP64", "data": [1.0]},
            {"name": "stops", "shape": [1], "datatype": "INT64", "data": [1]},
        ], "outputs": [{"name": "x"}]},
        400, "outputs: found 'x', expected any of score, decision",
    ),
    "bytes that are not there": (
        {"inputs": [{"name": "distance", "shape": [1], "datatype": "FP64",
                     "parameters": {"binary_data_size": 8}}]},
        400, "inputs.distance.parameters.binary_data_size: found 8 (integer), expected",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_request_is_refused_with_what_is_wrong(what: str, copy: Copy) -> None:
    body, status, says = BAD[what]
    given = {"content": body} if isinstance(body, bytes) else {"json": body}
    with copy.client() as http:
        answer = http.post(INFER, **given)
    assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text


def test_bytes_that_are_no_tensor_are_refused(copy: Copy) -> None:
    head = b'{"inputs":[{"name":"distance","shape":[1],"datatype":"%s",'
    head += b'"parameters":{"binary_data_size":8}}]}'
    cases = {
        (b"BYTES", struct.pack("<I", 99) + b"abcd"): "longer than the tensor",
        (b"BYTES", struct.pack("<I", 4) + b"\xff\xff\xff\xff"): "no UTF-8",
        (b"FP128", bytes(8)): "found 'FP128', expected one of INT8",
        (b"FP64", struct.pack("<d", float("inf"))): "inputs[0].data[0]: found infinity",
    }
    with copy.client() as http:
        for (datatype, raw), says in cases.items():
            text = head % datatype
            headers = {"inference-header-content-length": str(len(text))}
            answer = http.post(INFER, content=text + raw, headers=headers)
            assert (answer.status_code, says in answer.text) == (400, True), answer.text
        length = http.post(INFER, content=b"{}", headers={"inference-header-content-length": "9"})
        assert length.status_code == 400


def test_other_paths_and_methods_say_what_there_is(
    copy: Copy, client: triton.InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException, match="there is no model 'bus'; this is 'trip'"):
        client.infer("bus", inputs(binary=True))
    with pytest.raises(InferenceServerException, match="there is no version '1'; this is '7'"):
        client.get_model_metadata("trip", "1")
    with copy.client() as http:
        codes = [
            http.get(INFER).status_code, http.post("/v2/health/live").status_code,
            http.get("/v2/nothing").status_code, http.delete("/v2").status_code,
        ]  # fmt: skip
        allowed = [
            http.get(INFER).headers["allow"], http.delete("/v2").headers["allow"],
        ]  # fmt: skip
    assert (codes, allowed) == ([405, 405, 404, 405], ["POST", "GET, HEAD"])


def test_what_was_asked_is_in_the_prediction_log(
    context: Context, pipeline: Any, tmp_path: Path
) -> None:
    with running(context, RELEASE) as copy:
        with triton.InferenceServerClient(copy.url.removeprefix("http://")) as client:
            client.infer("trip", inputs(binary=True), headers={"x-request-id": "logged"})
        metrics = httpx.get(f"{copy.url}/metrics").text
        copy.process.terminate()
        copy.process.wait(90)

    assert "mlops_prediction_log_given_total" in metrics
    log = read(context.workspace.predictions("trip", RELEASE), None, None)
    rows = log[log["request_id"] == "logged"]
    assert rows["key"].tolist() == ["t1", "zwölf"]
    assert rows["score"].tolist() == pytest.approx(wanted(pipeline))
    assert rows["distance"].tolist() == DISTANCES
