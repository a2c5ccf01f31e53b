"""Whose key signs and whose is believed; who asks for evidence besides the service."""

from __future__ import annotations

import base64
import json
import logging
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from learning import DATASET
from proving import PASSED, judge, prove

from mlops_spec.runtime.batch import job as batch
from mlops_spec.runtime.batch.job import Job
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Recipe, Service, Signing, Trust
from mlops_spec.runtime.evidence import verify
from mlops_spec.runtime.evidence.keys import believed_key, new_pair, signing_key
from mlops_spec.runtime.evidence.statement import statement_of
from mlops_spec.runtime.machine import processes
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout import LocalWorld, Place
from mlops_spec.runtime.rollout.release import Release
from mlops_spec.runtime.service.packaging import package
from mlops_spec.runtime.service.startup import proven, said
from mlops_spec.state import Store
from mlops_spec.state.approvals import Approval, record_approval
from mlops_spec.terms.digest import file_digest
from mlops_spec.terms.verdict import Outcome
from mlops_spec.terms.workspace import Workspace

PRIVATE, PUBLIC = new_pair()
SIGNING = Signing(PUBLIC, "THEIR_KEY")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    place = Workspace.of(tmp_path, "local")
    return Context("m", tmp_path, place, Store.at(place.state), {})


def refusal(ask: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        ask()
    assert caught.value.code == "MLS612"
    return caught.value.message


def test_a_workspace_has_one_key_however_many_make_it(context: Context) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = pool.map(lambda _: signing_key(context.workspace, None), range(64))
    public = {key.public_key().public_bytes_raw() for key in keys}
    assert public == {believed_key(Trust("local", "workspace"), context.workspace)}
    folder = context.workspace.root / "keys"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "signing.key": 0o600, "signing.pub": 0o600,
    }  # fmt: skip


def test_the_key_of_the_spec_comes_from_its_variable(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THEIR_KEY", raising=False)
    assert refusal(lambda: signing_key(context.workspace, SIGNING)) == (
        "THEIR_KEY is not set; it holds the private key that signs evidence"
    )
    monkeypatch.setenv("THEIR_KEY", new_pair()[0])
    assert "`signing.public_key` in mlops.yaml is key" in refusal(
        lambda: signing_key(context.workspace, SIGNING)
    )
    for text in ("x", "AAAA", PRIVATE[:-4], "\N{SNOWMAN}"):
        monkeypatch.setenv("THEIR_KEY", text)
        message = refusal(lambda: signing_key(context.workspace, SIGNING))
        assert message == "$THEIR_KEY is not a key: expected 32 bytes in base64"
    monkeypatch.setenv("THEIR_KEY", PRIVATE)
    prove(context, context.root / "src", signing=SIGNING)
    found = verify.prove(context.root / "src", Trust("local", PUBLIC), None)
    assert found.line().startswith("1 verdicts, pass, signed by key ")
    assert not (context.workspace.root / "keys").exists()


def test_a_key_that_should_be_there_and_is_not_is_no_reason_to_check_less(
    context: Context,
) -> None:
    prove(context, context.root / "src")
    (context.workspace.root / "keys" / "signing.pub").unlink()
    own = Trust("local", "workspace")
    assert "cannot be read" in refusal(
        lambda: verify.prove(context.root / "src", own, context.workspace)
    )
    assert "MLOPS_SPEC_WORKSPACE is not set" in refusal(
        lambda: verify.prove(context.root / "src", own, None)
    )
    (context.workspace.root / "keys" / "signing.pub").write_text("x")
    assert "is not a key" in refusal(
        lambda: verify.prove(context.root / "src", own, context.workspace)
    )


def test_where_nobody_is_trusted_integrity_is_checked_and_the_rest_is_said_loudly(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    folder = context.root / "src"
    prove(context, folder)
    nobody = Trust("local", "nobody")
    with caplog.at_level(logging.WARNING):
        proven(folder, nobody, None)
    assert caplog.messages == [
        "anybody may have written the evidence of this release: 1 verdicts, pass, signature not "
        "checked"
    ]
    said_before = (folder / "release.json").read_text()
    (folder / "release.json").write_text(said_before.replace('"version": "1"', '"version": "2"'))
    assert "release.json says version '2'" in refusal(lambda: proven(folder, nobody, None))


def test_the_log_says_what_to_do() -> None:
    error = Refusal("MLS612", "it is not believed", "package it again", ("roc_auc: FAIL",))
    assert said(error) == "MLS612: it is not believed; package it again; roc_auc: FAIL"
    assert (
        said(ValueError("no\nINFO: all is well")) == "no\N{REPLACEMENT CHARACTER}INFO: all is well"
    )


def test_packaging_refuses_before_anything_is_built(context: Context) -> None:
    service = context.root / "generated" / "local" / "m" / "service" / "service.py"
    service.parent.mkdir(parents=True)
    service.write_text("")
    portable = context.workspace.run("run1") / "portable"
    portable.mkdir(parents=True)
    (portable / "manifest.json").write_text("{}")
    judge(context, "run1", "other")
    assert "the verdicts are on other" in refusal(lambda: package(context, "run1", "r", "1"))
    failed = (replace(PASSED, outcome=Outcome.FAIL),)
    judge(context, "run1", file_digest(portable / "manifest.json"), failed)
    assert refusal(lambda: package(context, "run1", "r", "1")) == (
        "the verdicts on run run1 are fail, and nobody has approved it"
    )
    assert not context.workspace.bentoml_home.exists()


def test_an_approval_stands_in_the_evidence_of_the_verdicts_it_was_given_for(
    context: Context,
) -> None:
    said = {"model": "m", "version": "1", "release": "r", "run": "run1", "digest": "d"}
    judge(context, "run1", "d", (replace(PASSED, outcome=Outcome.INCONCLUSIVE),))
    for at, (decision, gate) in enumerate((("approved", "earlier"), ("rejected", "gate-run1"))):
        record_approval(context.journal, "m", "run1", decision_on(gate, float(at), decision))
        assert "nobody has approved it" in refusal(lambda: statement_of(context, said))
    approved = decision_on("gate-run1", 2.0, "approved")
    record_approval(context.journal, "m", "run1", approved)
    signed = json.loads(statement_of(context, said))["predicate"]["approval"]
    assert signed == approved.to_json()
    assert signed["criteria"] == ["The card was read."]


def decision_on(gate: str, at: float, decision: Literal["approved", "rejected"]) -> Approval:
    return Approval(
        decision, gate, "ann", "holidays", at, "inconclusive", criteria=("The card was read.",)
    )


def test_a_batch_job_refuses_what_a_service_would(context: Context) -> None:
    bento = context.workspace.bentoml_home / "bentos" / "m" / "r"
    prove(context, bento / "src", release="r")
    (bento / "bento.yaml").write_text("")
    job = Job("1", "out", "name", "r", "run1", "1", "source")
    for trust, why in (
        (Trust("local", PUBLIC), "it is signed by key"),
        (Trust("production", "workspace"), "of environment 'local', expected 'production'"),
    ):
        found = refusal(lambda trust=trust: batch.predict(context, DATASET, job, trust))
        assert why in found
    (bento / "src" / "evidence.json").unlink()
    assert "evidence.json is missing" in refusal(lambda: batch.predict(context, DATASET, job))


def test_a_service_is_started_without_the_private_key(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[processes.Program] = []
    monkeypatch.setattr(processes, "keep", lambda _, program: kept.append(program))
    world = LocalWorld(
        context, DATASET, Recipe("binary", (), "x"), Service("m", 1, 10, 1.0),
        Place("sqlite", False, SIGNING),
    )  # fmt: skip
    world.start(Release("m", "r", "run1", "1", ""), "m:r")
    assert kept[0].environment["THEIR_KEY"] == ""


def test_a_public_key_is_32_bytes() -> None:
    assert len(base64.b64decode(PUBLIC)) == len(base64.b64decode(PRIVATE)) == 32
