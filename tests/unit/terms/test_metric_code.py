"""What stands for the code of metrics that are dotted paths."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from mlops_spec.terms.digest import file_digest
from mlops_spec.terms.keys import gate_key
from mlops_spec.terms.metric_code import metric_code


def test_a_module_below_the_root_is_its_files_digest(tmp_path: Path) -> None:
    (tmp_path / "house.py").write_text("def right(truth, said): ...\n")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "__init__.py").write_text("def cost(truth, said): ...\n")
    (tmp_path / "rules" / "deep.py").write_text("def gain(truth, said): ...\n")
    found = metric_code(["roc_auc", "house.right", "rules.cost", "rules.deep.gain"], tmp_path)
    assert found == {
        "house.right": file_digest(tmp_path / "house.py")[:16],
        "rules.cost": file_digest(tmp_path / "rules" / "__init__.py")[:16],
        "rules.deep.gain": file_digest(tmp_path / "rules" / "deep.py")[:16],
    }


def test_an_edit_changes_it_and_nothing_is_imported(tmp_path: Path) -> None:
    (tmp_path / "house.py").write_text("raise SystemExit(1)\n")
    before = metric_code(["house.right"], tmp_path)
    (tmp_path / "house.py").write_text("raise SystemExit(2)\n")
    assert metric_code(["house.right"], tmp_path) != before


def test_an_installed_library_is_its_version_and_what_is_missing_is_said(tmp_path: Path) -> None:
    assert metric_code(["sklearn.metrics.f1_score", "no_such.thing"], tmp_path) == {
        "sklearn.metrics.f1_score": f"scikit-learn {version('scikit-learn')}",
        "no_such.thing": "unknown",
    }


def test_a_policy_without_metrics_of_its_own_keeps_its_digest() -> None:
    facets = {"gate": "g"}
    assert gate_key("run", facets, "", {}) == gate_key("run", facets, "")
    assert gate_key("run", facets, "", {"house.right": "a"}) != gate_key("run", facets, "")
