"""Where a reader is missing, its tests fail and say what to do: none is skipped."""

from __future__ import annotations

import shutil
from pathlib import Path

import custom_resources
import promtool_path
import pytest

ROUTE = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}


def test_without_the_definitions_a_test_says_where_they_have_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    custom_resources.definition.cache_clear()
    monkeypatch.setattr(custom_resources, "FOLDER", tmp_path / "shared" / "crds")
    with pytest.raises(AssertionError, match=r"shared/crds is missing: .* beside this repository"):
        custom_resources.mistakes(ROUTE)
    custom_resources.definition.cache_clear()


def test_without_promtool_a_test_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(AssertionError, match="Debian's package `prometheus`"):
        promtool_path.find()
