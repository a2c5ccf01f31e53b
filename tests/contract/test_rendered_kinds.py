"""The table of kinds that apply knows, against everything that is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from language import write_project
from trees import objects

from mlops_spec.model.files import FileSet
from mlops_spec.pipeline import compile_project, render_project
from mlops_spec.runtime.cluster.kinds import KINDS, REMOVED


def scheduled_on_spark(root: Path) -> FileSet:
    """The one way to run that no other tree has."""
    write_project(root)
    specs = root / "specs" / "model.yaml"
    text = specs.read_text(encoding="utf-8")
    specs.write_text(text.replace("  on: spark\n", '  schedule: "0 3 * * *"\n  on: spark\n'))
    return render_project(compile_project(root)[0], "production")


def test_every_kind_that_is_rendered_is_known_and_none_beside(
    trees: Mapping[str, FileSet], tmp_path: Path
) -> None:
    every = (*trees.values(), scheduled_on_spark(tmp_path / "spark"))
    rendered = {
        (found["apiVersion"], found["kind"]) for files in every for _, found in objects(files)
    }

    assert rendered == {(kind.api, kind.name) for kind in KINDS}


def test_what_is_applied_can_be_removed_but_for_what_holds_data_or_is_not_ours(
    trees: Mapping[str, FileSet],
) -> None:
    applied = {
        (found["apiVersion"], found["kind"])
        for files in trees.values()
        for path, found in objects(files)
        if "/spark/" not in path
    }

    assert applied - set(REMOVED) == {("v1", "Namespace"), ("v1", "PersistentVolumeClaim")}


def test_a_rollout_comes_after_its_analyses_and_goes_before_them() -> None:
    order = [kind.name for kind in KINDS]
    gone = [name for _, name in REMOVED]

    assert order.index("AnalysisTemplate") < order.index("Rollout")
    assert gone.index("Rollout") < gone.index("AnalysisTemplate")
