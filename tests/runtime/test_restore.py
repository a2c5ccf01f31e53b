"""Releases that serve, before they are started again: what the journal proves comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from proving import PASSED, judge, prove

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence.keys import new_pair
from mlops_spec.runtime.evidence.verify import prove as proven
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.service import packaging
from mlops_spec.runtime.service.restore import restore
from mlops_spec.state import Deployment, Store
from mlops_spec.terms.keys import release_id
from mlops_spec.terms.verdict import Outcome, Verdict
from mlops_spec.terms.workspace import Workspace

FACETS = {"serve": "s"}
RELEASE = release_id("run1", FACETS)
LIVE = Deployment("m", RELEASE, "run1", "1", "production", 1.0)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    place = Workspace.of(tmp_path, "local")
    return Context("m", tmp_path, place, Store.at(place.state), FACETS)


@pytest.fixture
def source(context: Context) -> Path:
    found = context.workspace.bentoml_home / "bentos" / "m" / RELEASE / "src"
    prove(context, found, release=RELEASE, digest="d")
    return found


def test_evidence_that_does_not_hold_is_refused_and_left_to_be_looked_at(
    context: Context, source: Path
) -> None:
    assert restore(context, LIVE, None) == ""
    (source / "evidence.json").write_text("{}")
    with pytest.raises(Refusal, match="it is not a DSSE envelope") as caught:
        restore(context, LIVE, None)
    assert f"remove {source.parent} and run spec apply" in caught.value.help
    assert (source / "evidence.json").read_text() == "{}"


def test_a_release_from_before_is_signed_by_what_the_journal_proves(
    context: Context, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "evidence.json").unlink()
    private, public = new_pair()
    monkeypatch.setenv("KEY", private)
    assert restore(context, LIVE, Signing(public, "KEY")) == "evidence"
    # Services rendered before and after `signing` came to the spec believe it.
    for signer in ("workspace", public):
        found = proven(source, Trust("local", signer), context.workspace)
        assert (found.release["release"], found.predicate["outcome"]) == (RELEASE, "pass")
    assert restore(context, LIVE, None) == ""


def test_a_gate_that_became_stricter_since_does_not_end_what_serves(
    context: Context, source: Path
) -> None:
    (source / "evidence.json").unlink()
    failed = {
        "outcome": "fail", "verdicts": [Verdict("roc_auc", Outcome.FAIL).to_json()], "baseline": "",
    }  # fmt: skip
    context.journal.start("m", "gate", "stricter", "run1")
    context.journal.finish("m", "gate", "stricter", "done", failed)
    assert restore(context, LIVE, None) == "evidence"
    found = proven(source, None, context.workspace)
    assert found.predicate["lines"] == [PASSED.line()]


def test_an_exchanged_model_without_evidence_is_not_signed(context: Context, source: Path) -> None:
    (source / "evidence.json").unlink()
    said = json.loads((source / "release.json").read_text())
    (source / "release.json").write_text(json.dumps({**said, "digest": "e" * 64}))
    with pytest.raises(Refusal, match="the verdicts are on d"):
        restore(context, LIVE, None)


def test_a_bento_that_is_gone_is_packaged_again_only_as_it_was(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(context, "run1", "d")
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(packaging, "package", lambda _, *given: asked.append(given))
    assert restore(context, LIVE, None) == "bento"
    assert asked == [("run1", RELEASE, "1", None)]
    changed = Context("m", context.root, context.workspace, context.store, {"serve": "other"})
    assert restore(changed, LIVE, None) == ""
    assert len(asked) == 1
