"""Why something is to be done, in the words of the specs."""

from mlops_spec.apply.reasons import in_words
from mlops_spec.model.facets import FieldChange
from mlops_spec.model.spec.base import Change


def words(*changes: tuple[str, object, object]) -> list[str]:
    return list(in_words([FieldChange(path, Change.TRAIN, old, new) for path, old, new in changes]))


def test_values_are_written_as_in_a_spec() -> None:
    assert words(
        ("dataset.columns.rain.nullable", False, True),
        ("model.train.params", {"depth": 1}, {"depth": None}),
        ("model.description", "", "late?"),
    ) == [
        "dataset.columns.rain.nullable: false → true",
        "model.train.params: {depth: 1} → {depth: not set}",
        'model.description: "" → late?',
    ]


def test_a_column_that_came_or_went_is_one_line() -> None:
    assert words(
        ("dataset.columns.a.b.description", "", None),
        ("dataset.columns.a.b.nullable", False, None),
        ("dataset.columns.a.b.type", "float", None),
        ("dataset.columns.zone.type", None, "category"),
        ("dataset.columns.zone.values", None, ["n", "s"]),
        ("dataset.columns.rain.values", None, ["n", "s"]),
    ) == [
        "dataset.columns.a.b: removed",
        "dataset.columns.zone: added",
        "dataset.columns.rain.values: not set → [n, s]",
    ]


def test_a_block_that_came_or_went_is_one_line() -> None:
    assert words(
        ("gates.segments.airports.by", None, ["origin"]),
        ("gates.segments.airports.margin", None, "3pp"),
        ("model.batch.input", "trips", None),
        ("model.batch.limit", 0, None),
        ("gates.latency.p99.max", None, "20ms"),
        ("model.owner", None, "me"),
        ("model.team", None, "us"),
    ) == [
        "gates.segments.airports: added {by: [origin], margin: 3pp}",
        "model.batch: removed {input: trips, limit: 0}",
        "gates.latency.p99.max: not set → 20ms",
        "model.owner: not set → me",
        "model.team: not set → us",
    ]


def test_a_block_is_told_once_which_way_it_moves_the_gate() -> None:
    paths = ("gates.latency.p99.max", "gates.latency.p99.slower_by")
    changes = [FieldChange(path, Change.GATE, None, "9ms") for path in paths]
    assert list(in_words(changes, dict.fromkeys(paths, "stricter"))) == [
        "gates.latency.p99: added {max: 9ms, slower_by: 9ms}: stricter"
    ]


def test_of_a_list_only_what_differs_is_told() -> None:
    assert words(
        ("model.features", ["a", "b", "c"], ["a", "c", "d", "e"]),
        ("model.gates", ["a", "b"], ["b", "a"]),
    ) == ["model.features: added d, e; removed b", "model.gates: in another order"]


def test_a_page_of_text_is_cut() -> None:
    assert words(("model.description", "x" * 1000, "y")) == [f"model.description: {'x' * 59}… → y"]
