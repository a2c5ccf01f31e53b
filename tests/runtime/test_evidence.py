"""A service loads what was judged, by those who may judge; whatever else is refused, and named."""

from __future__ import annotations

import base64
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from proving import PASSED, judge, prove
from pydantic import BaseModel
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence import verify
from mlops_spec.runtime.evidence.envelope import PAYLOAD_TYPE, key_id, pae, seal
from mlops_spec.runtime.evidence.keys import new_pair, signing_key
from mlops_spec.runtime.evidence.statement import statement_of
from mlops_spec.runtime.portable import export
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.service.app import PredictionApp
from mlops_spec.state import Store
from mlops_spec.terms.verdict import Outcome
from mlops_spec.terms.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*")

OWN = Trust("local", "workspace")


class Row(BaseModel):
    x: float


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """Two portable models with their digests."""
    frame = pd.DataFrame({"x": np.linspace(0, 1, 100)})
    found = {}
    for name, border in (("one", 0.3), ("two", 0.6)):
        pipeline = make_pipeline("passthrough", HistGradientBoostingClassifier(max_iter=2))
        folder = tmp_path_factory.mktemp(name)
        found[name] = (folder, export(pipeline.fit(frame, frame.x > border), frame, folder).digest)
    return found


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    place = Workspace.of(tmp_path, "local")
    monkeypatch.setenv("MLOPS_SPEC_WORKSPACE", str(place.root))
    return Context("m", tmp_path, place, Store.at(place.state), {"gate": "g"})


@pytest.fixture
def folder(context: Context, models: dict[str, tuple[Path, str]], tmp_path: Path) -> Path:
    """The `src` of a released model, as packaging leaves it."""
    return released(context, models, tmp_path / "src", "one", "run1")


def released(
    context: Context, models: dict[str, tuple[Path, str]], folder: Path, model: str, run: str
) -> Path:
    shutil.copytree(models[model][0], folder / "model")
    prove(context, folder, run=run, release=f"release-{run}", digest=models[model][1])
    return folder


def opened(folder: Path, trust: Trust | None = OWN) -> str:
    """What the service says of its model: its kind, or why it does not serve."""
    app = PredictionApp(
        row=Row, answer=Row, folder=folder, max_rows=5, timeout=1, trust=trust
    )  # fmt: skip
    try:
        app.open()
    except Refusal as refusal:
        assert app._ready()[0] == 503
        return f"{refusal.code}: {refusal.message}"
    app.close()
    return "served"


def own_id(context: Context) -> str:
    return key_id(base64.b64decode((context.workspace.root / "keys" / "signing.pub").read_text()))


def edited(path: Path, change: Any) -> None:
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


def body_of(folder: Path) -> dict[str, Any]:
    envelope = json.loads((folder / "evidence.json").read_text())
    return json.loads(base64.b64decode(envelope["payload"]))


def put_body(folder: Path, body: dict[str, Any]) -> None:
    """Write another statement under the signature that is there."""
    payload = base64.b64encode(json.dumps(body).encode()).decode()
    edited(folder / "evidence.json", lambda found: found.update(payload=payload))


def test_what_was_packaged_is_served(folder: Path) -> None:
    assert (opened(folder), opened(folder, None)) == ("served", "served")


def test_an_edited_verdict_is_refused(context: Context, folder: Path) -> None:
    body = body_of(folder)
    body["predicate"]["verdicts"][0]["estimate"] = 0.99
    put_body(folder, body)
    assert opened(folder) == (
        "MLS612: the model is not served: its evidence is not believed: it does not fit the "
        f"signature of key {own_id(context)}"
    )


def test_an_exchanged_model_file_is_refused(folder: Path, models: Any) -> None:
    shutil.copyfile(models["two"][0] / "model.onnx", folder / "model" / "model.onnx")
    assert opened(folder).startswith("MLS708: the model is not what was released: model.onnx")


def test_an_exchanged_model_with_its_digest_in_release_json_is_refused(
    folder: Path, models: Any
) -> None:
    shutil.rmtree(folder / "model")
    shutil.copytree(models["two"][0], folder / "model")
    edited(folder / "release.json", lambda found: found.update(digest=models["two"][1]))
    assert opened(folder) == (
        f"MLS612: the model is not served: its evidence is about the model with digest "
        f"{models['one'][1][:16]}, release.json names {models['two'][1][:16]}"
    )


def test_the_evidence_of_another_run_is_refused(
    context: Context, folder: Path, models: Any, tmp_path: Path
) -> None:
    other = released(context, models, tmp_path / "other", "one", "run2")
    shutil.copyfile(other / "evidence.json", folder / "evidence.json")
    assert opened(folder) == (
        "MLS612: the model is not served: release.json says release 'release-run1', the evidence "
        "'release-run2'"
    )


def test_missing_evidence_is_refused_with_what_to_do(context: Context, folder: Path) -> None:
    (folder / "evidence.json").unlink()
    with pytest.raises(Refusal) as caught:
        verify.prove(folder, OWN, context.workspace)
    assert (caught.value.message, caught.value.help) == (
        "the model has no evidence: evidence.json is missing beside release.json",
        "run spec apply: it signs again what the journal proves",
    )


def test_evidence_signed_by_another_key_is_refused(
    context: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = new_pair()
    monkeypatch.setenv("THEIRS", private)
    theirs = signing_key(context.workspace, Signing(public, "THEIRS"))
    body = json.dumps(body_of(folder)).encode()
    (folder / "evidence.json").write_text(seal(body, theirs))
    ours = own_id(context)
    assert opened(folder).endswith(
        f"it is signed by key {key_id(base64.b64decode(public))}, expected {ours}"
    )
    # To claim that it was the believed key does not help.
    edited(folder / "evidence.json", lambda found: found["signatures"][0].update(keyid=ours))
    assert opened(folder).endswith(f"it does not fit the signature of key {ours}")


@pytest.mark.parametrize(
    ("name", "value"),
    [("run", "run9"), ("version", "2"), ("release", "x"), ("model", "other"), ("service", "0")],
)
def test_an_edited_release_json_is_refused(folder: Path, name: str, value: str) -> None:
    said = json.loads((folder / "release.json").read_text()).get(name)
    why = f"release.json says {name} {value!r}, the evidence {said!r}"
    edited(folder / "release.json", lambda found: found.update({name: value}))
    assert opened(folder) == f"MLS612: the model is not served: {why}"


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "x", '{"payloadType": 1}', "\x00", "[" * 9999]
)
def test_what_is_no_envelope_is_refused(folder: Path, text: str) -> None:
    (folder / "evidence.json").write_text(text)
    assert opened(folder) == (
        "MLS612: the model is not served: its evidence is not believed: it is not a DSSE envelope"
    )


def test_an_envelope_that_nobody_has_signed_is_refused(folder: Path) -> None:
    edited(folder / "evidence.json", lambda found: found.update(signatures=[]))
    assert opened(folder).endswith("nobody has signed it")


@pytest.mark.parametrize("text", ["", "null", "[]", '{"run": 3}'])
def test_a_release_json_that_says_nothing_is_refused(folder: Path, text: str) -> None:
    (folder / "release.json").write_text(text)
    assert opened(folder).startswith("MLS612: the model is not served: release.json")


def test_evidence_of_another_environment_is_refused(folder: Path) -> None:
    assert opened(folder, Trust("production", "workspace")).endswith(
        "its evidence is of environment 'local', expected 'production'"
    )


def signed_anew(context: Context, folder: Path, **changes: Any) -> None:
    """What somebody who holds the key might sign: the predicate with other words."""
    body = body_of(folder)
    body["predicate"].update(changes)
    key = signing_key(context.workspace, None)
    (folder / "evidence.json").write_text(seal(json.dumps(body).encode(), key))


def test_signed_verdicts_that_do_not_pass_are_refused_unless_approved(
    context: Context, folder: Path
) -> None:
    signed_anew(context, folder, outcome="fail")
    assert opened(folder).endswith("its verdicts are fail, expected pass or an approval")
    for decision, gate in (("refused", "gate-run1"), ("approved", "gate-of-before")):
        approval = {"decision": decision, "gate": gate}
        signed_anew(context, folder, outcome="fail", approval=approval)
        assert "expected pass or an approval" in opened(folder)
    approval = {"decision": "approved", "gate": "gate-run1", "by": "ann"}
    signed_anew(context, folder, outcome="fail", approval=approval)
    assert opened(folder) == "served"


def test_a_statement_without_its_parts_is_refused(context: Context, folder: Path) -> None:
    key = signing_key(context.workspace, None)
    for body in ("{}", "[]", "3", '{"_type": "x", "predicateType": "y"}'):
        (folder / "evidence.json").write_text(seal(body.encode(), key))
        assert opened(folder).endswith("its evidence is signed, but no statement about a model")


def test_nobody_is_signed_for_whose_verdicts_fail_or_whose_model_was_exchanged(
    context: Context,
) -> None:
    said = {"model": "m", "version": "1", "release": "r", "run": "run1", "digest": "a" * 64}
    with pytest.raises(Refusal, match="was not evaluated"):
        statement_of(context, said)
    judge(context, "run1", "b" * 64)
    with pytest.raises(Refusal, match="has digest aaaaaaaaaaaaaaaa; the verdicts are on bbbbbbbb"):
        statement_of(context, said)
    judge(context, "run1", "a" * 64, (replace(PASSED, outcome=Outcome.INCONCLUSIVE),))
    with pytest.raises(Refusal, match="nobody has approved it") as caught:
        statement_of(context, said)
    assert caught.value.details == (replace(PASSED, outcome=Outcome.INCONCLUSIVE).line(),)


def test_the_statement_is_in_toto_with_all_that_was_known(context: Context) -> None:
    judge(context, "run1", "a" * 64)
    said = {"model": "m", "version": "1", "release": "r", "run": "run1", "digest": "a" * 64}
    assert json.loads(statement_of(context, said)) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "portable/manifest.json", "digest": {"sha256": "a" * 64}}],
        "predicateType": "urn:mlops-spec:model-verdicts:v1",
        "predicate": {
            "environment": "local",
            "release": said,
            "outcome": "pass",
            "lines": [PASSED.line()],
            "verdicts": [PASSED.to_json()],
            "approval": None,
            "gate": {"digest": "gate-run1", "baseline": ""},
            "data": "",
            "code": {"code_revision": "0" * 40, "code_dirty": "false"},
            "facets": {"gate": "g"},
        },
    }


def test_the_encoding_is_that_of_the_dsse_specification() -> None:
    # The example of protocol.md.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae(PAYLOAD_TYPE, "ü".encode()) == b"DSSEv1 28 application/vnd.in-toto+json 2 \xc3\xbc"


def test_the_check_costs_less_than_20_ms(folder: Path, context: Context) -> None:
    costs = []
    for _ in range(20):
        started = time.process_time()
        verify.prove(folder, OWN, context.workspace)
        costs.append(time.process_time() - started)
    assert min(costs) < 0.02
