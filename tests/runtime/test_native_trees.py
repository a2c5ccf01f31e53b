"""The kernel walks trees as the graph does, to the last bit of a split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portable_estimators import class_of_three, late, made, minutes, pipeline
from portable_world import as_columns, rows
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.utils import all_estimators
from threadpoolctl import threadpool_limits

from mlops_spec.runtime.portable import export, load
from mlops_spec.runtime.portable.forms.tables import ENSEMBLES
from mlops_spec.runtime.portable.native import kernel as built
from mlops_spec.runtime.portable.native.hoisted import Columns, hoisted
from mlops_spec.runtime.portable.native.layout import IN_SET, SPLIT, Layout
from mlops_spec.runtime.portable.scorer import MatrixScorer, graph_run

pytestmark = pytest.mark.filterwarnings("ignore::Warning:(sklearn|scipy|onnx|google).*")

KINDS = {kind.__name__: kind for _, kind in all_estimators() if kind.__name__ in ENSEMBLES}
LABELS = {
    "Classifier": (late, class_of_three),
    "Regressor": (minutes,),
}
CASES = [
    pytest.param(kind, label, id=f"{name} of {label.__name__.replace('_', ' ')}")
    for name, kind in sorted(KINDS.items())
    for ending, labels in LABELS.items()
    if name.endswith(ending)
    for label in labels
]


def both_ways(folder: Path, digest: str) -> tuple[MatrixScorer, Callable[[Any], Any]]:
    scorer = load(folder, digest)
    assert isinstance(scorer, MatrixScorer)
    assert scorer.kind == "trees"
    return scorer, graph_run(folder / "model.onnx")


def test_the_kernel_of_this_machine_is_built() -> None:
    assert built.kernel() is not None, f"{built.library_path()}: see hatch_build.py"


def test_a_kernel_of_another_version_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(built, "NUMBER", built.NUMBER + 1)
    built.kernel.cache_clear()
    found = built.kernel()
    built.kernel.cache_clear()
    assert found is None


@pytest.mark.parametrize(("kind", "label"), CASES)
def test_a_tree_model_answers_as_its_graph_on_and_beside_every_split(
    kind: Any, label: Callable[[pd.DataFrame], Any], tmp_path: Path
) -> None:
    train = rows(300)
    with threadpool_limits(1):
        model = pipeline(kind).fit(train, label(train))
    report = export(model, rows(150, seed=1), tmp_path)

    scorer, graph = both_ways(tmp_path, report.digest)

    for matrix in (
        scorer.encoding.matrix(as_columns(rows(400, seed=2))),
        beside_splits(tmp_path, scorer.encoding.width),
    ):
        assert np.allclose(scorer.run(matrix), graph(matrix), rtol=1e-12, atol=1e-12)


def beside_splits(folder: Path, width: int) -> Any:
    """Rows whose values are thresholds of the trees, or the doubles before and after one."""
    nodes = Layout.read(folder / "trees.npy").nodes
    plain = nodes[(nodes["marks"] & (IN_SET | SPLIT)) == SPLIT]
    random = np.random.default_rng(0)
    matrix = random.normal(size=(500, width))
    chosen = random.choice(plain, len(matrix)) if len(plain) else plain
    for row, node in zip(matrix, chosen, strict=False):
        to = random.choice([-np.inf, np.inf])
        value = node["threshold"]
        row[node["feature"]] = random.choice([value, np.nextafter(value, to)])
    # Codes of categories stand in the first columns of these models, where they have any.
    matrix[: len(matrix) // 2, :2] = random.integers(0, 4, (len(matrix) // 2, 2))
    return matrix


@pytest.mark.parametrize("count", [*range(1, 19), 63, 64, 65, 255, 256, 257, 520])
def test_a_row_is_answered_alike_alone_and_among_others(count: int, tmp_path: Path) -> None:
    train = rows(300)
    model = pipeline(RandomForestClassifier).fit(train, class_of_three(train))
    report = export(model, train, tmp_path)
    scorer, _ = both_ways(tmp_path, report.digest)
    matrix = scorer.encoding.matrix(as_columns(rows(count, seed=3)))

    alone = np.concatenate([scorer.run(matrix[at : at + 1]) for at in range(count)])

    assert np.array_equal(scorer.run(matrix), alone)


def test_a_search_over_forests_is_walked_too(tmp_path: Path) -> None:
    train = rows(200)
    search = GridSearchCV(made(RandomForestClassifier), {"max_depth": [2, 4]}, cv=2)
    model = make_pipeline(StandardScaler(), search).fit(train[["distance"]], late(train))

    report = export(model, train[["distance"]], tmp_path)

    scorer, graph = both_ways(tmp_path, report.digest)
    matrix = np.linspace(0, 5000, 300).reshape(-1, 1)
    assert np.allclose(scorer.run(matrix), graph(matrix), rtol=1e-12, atol=1e-12)


def test_columns_that_are_mixed_before_the_trees_stay_with_the_graph(tmp_path: Path) -> None:
    train = rows(200)
    model = make_pipeline(PolynomialFeatures(), made(RandomForestClassifier))
    model.fit(train[["distance"]], late(train))

    report = export(model, train[["distance"]], tmp_path)

    assert (report.kind, load(tmp_path, report.digest).kind) == ("onnx", "onnx")
    assert report.files == ("model.onnx", "manifest.json")


def test_without_a_kernel_the_graph_answers_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = rows(200)
    model = pipeline(RandomForestClassifier).fit(train, late(train))
    report = export(model, train, tmp_path)
    columns = as_columns(train)
    walked = load(tmp_path, report.digest).score(columns)

    built.kernel.cache_clear()
    monkeypatch.setattr(built, "library_path", lambda: tmp_path / "none.so")
    by_graph = load(tmp_path, report.digest)
    built.kernel.cache_clear()

    assert by_graph.kind == "onnx"
    assert np.allclose(by_graph.score(columns).score, walked.score, rtol=1e-12, atol=1e-12)


def test_without_a_kernel_no_trees_are_written_since_nobody_has_tried_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = rows(200)
    model = pipeline(RandomForestClassifier).fit(train, late(train))
    built.kernel.cache_clear()
    monkeypatch.setattr(built, "library_path", lambda: tmp_path / "none.so")

    report = export(model, train, tmp_path / "model")
    built.kernel.cache_clear()

    assert (report.kind, report.files) == ("onnx", ("model.onnx", "manifest.json"))


def test_equal_trees_are_written_as_equal_bytes(tmp_path: Path) -> None:
    train = rows(200)
    model = pipeline(RandomForestClassifier).fit(train, late(train))

    digests = {export(model, train, tmp_path / name).digest for name in "ab"}

    assert len(digests) == 1


@pytest.mark.parametrize(
    ("array", "change"),
    [
        ("nodes", lambda nodes: nodes["left"].__setitem__(0, len(nodes) - 1)),
        ("nodes", lambda nodes: nodes["left"].__setitem__(0, 2**31)),
        ("nodes", lambda nodes: nodes["left"].__setitem__(1, 0)),
        ("nodes", lambda nodes: nodes["left"].__setitem__(0, 0)),
        ("nodes", lambda nodes: nodes["feature"].__setitem__(0, 1000)),
        ("roots", lambda roots: roots.__setitem__(0, 10**6)),
        ("targets", lambda targets: targets.__setitem__(3, 1)),
    ],
)
def test_trees_that_point_outside_of_themselves_are_refused(
    array: str, change: Callable[[Any], None], tmp_path: Path
) -> None:
    train = rows(200)
    model = pipeline(RandomForestClassifier).fit(train, late(train))
    export(model, train, tmp_path)
    layout = Layout.read(tmp_path / "trees.npy")
    columns = int(layout.nodes["feature"].max()) + 1
    assert layout.inside(columns, 1, 0)

    change(getattr(layout, array))

    assert not layout.inside(columns, 1, 0)


POSITIVE = st.floats(1e-6, 1e6)
NUMBER = st.floats(-1e9, 1e9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["Add", "Sub", "Max", "Min"]), NUMBER),
        st.tuples(st.sampled_from(["Mul", "Div"]), POSITIVE),
        st.tuples(st.just("Cast"), st.just(0.0)),
    ),
    max_size=5,
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(STEPS, NUMBER)
def test_a_moved_threshold_is_the_last_double_that_goes_to_the_left(
    steps: list[tuple[str, float]], threshold: float
) -> None:
    columns = Columns(1, np.zeros(1, np.int64), tuple((op, np.array([n])) for op, n in steps))

    def left(value: float) -> bool:
        return bool(columns.made(np.array([value]), np.zeros(1, np.int64))[0] <= threshold)

    (found,) = hoisted(columns, np.array([threshold]), np.zeros(1, np.int64))

    with np.errstate(over="ignore"):
        assert found == -np.inf or left(found)
        after = np.nextafter(found, np.inf)
        assert after == np.inf or not left(after)


def test_scaling_by_a_negative_number_turns_the_order_and_is_not_moved() -> None:
    columns = Columns(1, np.zeros(1, np.int64))

    assert columns.then("Mul", np.array(-2.0)) is None
    assert columns.then("Div", np.array([2.0])) is not None


def test_a_clipped_column_is_walked_as_scikit_learn_clips_it(tmp_path: Path) -> None:
    train = rows(300)[["distance"]]
    model = make_pipeline(MinMaxScaler(clip=True), made(RandomForestClassifier))
    model.fit(train, late(rows(300)))

    report = export(model, train, tmp_path)

    scorer, _ = both_ways(tmp_path, report.digest)
    beyond = pd.DataFrame({"distance": [-1e9, 0.0, 1e9]})
    expected = model.predict_proba(beyond)
    assert np.allclose(scorer.run(beyond.to_numpy()), expected, rtol=1e-12, atol=1e-12)
