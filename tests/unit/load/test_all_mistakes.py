"""Every mistake is told in one run: those within documents, and those between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_spec.diagnostics.collect import SpecRejected
from mlops_spec.pipeline import compile_project

PROJECT = "project: trips\nenvironments: {local: {serve: {on: processes, router: envoy}}}\n"
SPECS = """\
kind: Dataset
name: trips
source: {csv: data/trips.csv}
key: id
label: {column: late}
columns:
  id: {type: category}
  late: {type: boolean}
  distance: {type: float}
split: {by: random}
---
kind: Model
name: late-trip
dataset: trips
task: binary
features: [distance]
train: {estimator: sklearn.linear_model.LogisticRegression}
gates: [ours]
---
kind: Gates
name: ours
metrics: {roc_auc: {min: 0.7}}
production: {roc_auc: {hypothesis: non_inferiority, margin: 1pp}}
"""


def mistakes(root: Path, *edits: tuple[str, str], project: str = PROJECT) -> list[tuple[int, str]]:
    """(line, code) of every error after these edits of the specs."""
    text = SPECS
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (root / "mlops.yaml").write_text(project)
    (root / "specs").mkdir()
    (root / "specs" / "trips.yaml").write_text(text)
    with pytest.raises(SpecRejected) as rejected:
        compile_project(root)
    errors = [each for each in rejected.value.diagnostics if each.severity == "error"]
    return [(each.span.start.line if each.span else 0, each.code.id) for each in errors]


def test_mistakes_within_documents_hide_none_between_them(tmp_path: Path) -> None:
    assert mistakes(
        tmp_path,
        ("features: [distance]", "features: [distanse]\nowner: [me]"),
        ("metrics: {roc_auc: {min: 0.7}}", "metrics: {roc_auk: {min: 0.7, max: x}}"),
        ("margin: 1pp", "margin: 0.01"),
    ) == [(16, "MLS303"), (17, "MLS204"), (23, "MLS306"), (23, "MLS204"), (24, "MLS307")]


def test_mistakes_of_an_estimator_are_told_beside_those_within_documents(tmp_path: Path) -> None:
    trained = "train: {estimator: sklearn.linear_model.LogisticRegression"
    assert mistakes(
        tmp_path,
        ("features: [distance]", "features: [distance]\nowner: [me]"),
        (f"{trained}}}", f"{trained}, params: {{max_itr: 5, C: x}}, seed: -1}}"),
    ) == [(17, "MLS204"), (18, "MLS338"), (18, "MLS338"), (18, "MLS204")]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        # A column that is wrong is not one that is absent.
        (("distance: {type: float}", "distance: {type: flaot}"), (9, "MLS204")),
        (("distance: {type: float}", "distance: {}"), (9, "MLS205")),
        # A gate that is wrong is not one that is missing.
        (("metrics: {roc_auc: {min: 0.7}}", "metrics: {roc_auc: {min: x}}"), (22, "MLS204")),
        # A document of which nothing is left is not one that nobody wrote.
        (("name: ours\n", "name: [ours]\n"), (21, "MLS204")),
        (("key: id\n", ""), (1, "MLS205")),
        (("kind: Gates", "kind: Gate"), (20, "MLS202")),
        (("margin: 1pp}}", "margin: 1pp}}\nmetrics: {roc_auc: {min: 0.8}}"), (24, "MLS106")),
    ],
)
def test_a_mistake_brings_no_others_with_it(
    tmp_path: Path, edit: tuple[str, str], told: tuple[int, str]
) -> None:
    assert mistakes(tmp_path, edit) == [told]


@pytest.mark.parametrize(
    ("twin", "told"),
    [
        ("metrics: {roc_auc: {min: x}}", [(26, "MLS301"), (27, "MLS204")]),  # well formed in part
        ("metrics: {roc_auc: {min: 0.8}}\nmetrics: {}", [(26, "MLS301"), (28, "MLS106")]),
    ],
)
def test_a_name_that_stands_twice_is_told_beside_what_is_wrong_in_its_documents(
    tmp_path: Path, twin: str, told: list[tuple[int, str]]
) -> None:
    end = "margin: 1pp}}\n"
    again = f"{end}---\nkind: Gates\nname: ours\n{twin}\n"
    assert mistakes(tmp_path, (end, again)) == told


def test_a_name_that_stands_twice_is_told_though_too_little_is_left_of_one(tmp_path: Path) -> None:
    again = "margin: 1pp}}\n---\nkind: Dataset\nname: trips\n"
    found = mistakes(tmp_path, ("margin: 1pp}}\n", again))
    assert (26, "MLS301") in found
    assert {code for _, code in found} == {"MLS301", "MLS205"}


def test_without_a_project_only_what_is_within_documents_is_told(tmp_path: Path) -> None:
    broken = PROJECT.replace("processes", "proceses")
    assert mistakes(tmp_path, ("[distance]", "[distanse]"), project=broken)[0][1] == "MLS204"


@pytest.mark.parametrize(
    ("edit", "help"),
    [
        (("label: {column: late}", "label: late"), "write {column: late}"),
        (("distance: {type: float}", "distance: float"), "write {type: float}"),
        (("gates: [ours]", "gates: ours"), "write [ours]"),
        (("distance: {type: float}", "distance: {type: float, nullable: yes}"), "write true"),
        (("distance: {type: float}", "distance: {type: double}"), "did you mean 'float'?"),
        (("id: {type: category}", "id: {type: string}"), "did you mean 'category'?"),
    ],
)
def test_a_word_where_more_is_taken_is_shown_as_it_would_be_written(
    tmp_path: Path, edit: tuple[str, str], help: str
) -> None:
    (tmp_path / "mlops.yaml").write_text(PROJECT)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "trips.yaml").write_text(SPECS.replace(*edit))
    with pytest.raises(SpecRejected) as rejected:
        compile_project(tmp_path)

    assert [each.help for each in rejected.value.diagnostics] == [help]
