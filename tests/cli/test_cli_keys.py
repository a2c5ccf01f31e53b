"""`spec keys` makes a pair that works, and writes it nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_spec.cli.main import main
from mlops_spec.model.spec.project import Signing as Spec
from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence.keys import believed_key, signing_key
from mlops_spec.terms.workspace import Workspace


def test_the_two_halves_fit_each_other_and_the_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["keys", "-o", "json"]) == 0
    pair = json.loads(capsys.readouterr().out)
    spec = Spec(public_key=pair["public_key"], key_env=pair["key_env"])
    monkeypatch.setenv(spec.key_env, pair["private_key"])
    place = Workspace.of(tmp_path, "production")
    key = signing_key(place, Signing(spec.public_key, spec.key_env))
    assert key.public_key().public_bytes_raw() == believed_key(
        Trust("production", spec.public_key), None
    )
    assert list(tmp_path.iterdir()) == []


def test_it_says_where_each_half_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--env", "staging", "--key-env", "STAGING_KEY"]) == 0
    said = capsys.readouterr().out
    assert "    staging:\n      signing:\n        public_key: " in said
    assert "  export STAGING_KEY=" in said
    assert "never in the repository" in said


def test_two_pairs_differ(capsys: pytest.CaptureFixture[str]) -> None:
    main(["keys"])
    first = capsys.readouterr().out
    main(["keys"])
    assert capsys.readouterr().out != first
