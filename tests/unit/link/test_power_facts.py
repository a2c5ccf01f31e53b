"""Which numbers power warnings reckon with: the last run's, the expected ones, or none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from language import write_project

from mlops_spec.diagnostics import Diagnostic
from mlops_spec.model.facts import Facts, Group
from mlops_spec.pipeline import compile_project, recorded_facts

PRIOR = "expected: {rows: 200000, positives: 20%, groups: {zone: 6}, disagreement: 3%}\n"
MARGIN = "production: {accuracy: {hypothesis: non_inferiority, margin: 0.5pp}}\n"
QUIET = "production: {primary: {hypothesis: superiority}}\n"
FACTS = Facts(
    source="local", dataset="trips", label="late", task="binary", rows=10_000, held_out=2000,
    test=0.2, positives=400,
    groups={("zone",): (Group("north", 1200, 240), Group("south", 700, 155), Group("sea", 100, 5))},
    estimates={"accuracy": 0.85, "roc_auc": 0.8, "recall": 0.6, "precision": 0.6},
)  # fmt: skip


def project(root: Path, gates: str, *, prior: str = "", name: str = "strict") -> Path:
    """The sample project with one policy's rules, and another prior or none."""
    write_project(
        root, f"kind: Gates\nname: {name}\nmetrics: {{roc_auc: {{min: 0.5}}}}\n{gates}".encode()
    )
    path = root / "specs" / "dataset.yaml"
    path.write_text(path.read_text().replace(PRIOR, prior))
    return root


def said(root: Path, facts: Facts | None = None) -> list[Diagnostic]:
    return list(compile_project(root, {"late-trip": facts} if facts else {})[1])


def messages(root: Path, facts: Facts | None = None) -> list[str]:
    return [f"{d.code.id} {d.message}" for d in said(root, facts)]


def test_the_sample_states_the_prior_that_these_tests_replace(tmp_path: Path) -> None:
    assert PRIOR in (write_project(tmp_path / "p") / "specs" / "dataset.yaml").read_text()


def test_where_nothing_is_known_nothing_is_said(tmp_path: Path) -> None:
    assert messages(project(tmp_path / "p", MARGIN)) == []


def test_where_nothing_is_known_min_rows_is_what_a_policy_asks_for(tmp_path: Path) -> None:
    root = project(tmp_path / "p", f"{MARGIN}min_rows: 500\n")

    assert messages(root) == [
        "MLS330 a margin of 0.5pp on accuracy takes about 24,731 rows; min_rows is 500"
    ]
    assert messages(root, replace(FACTS, rows=10**7, held_out=2 * 10**6, positives=10**5)) == []


def test_the_last_run_wins_over_what_is_expected(tmp_path: Path) -> None:
    root = project(tmp_path / "p", MARGIN + QUIET.replace("production: {", "# {"), prior=PRIOR)

    assert messages(root) == []
    assert messages(root, FACTS)[0].startswith(
        "MLS330 a margin of 0.5pp on accuracy is below the noise: on the 2,000 held-out rows of "
        "the last run of 'late-trip', a candidate that is as good as production passes 36% of "
    )


@pytest.mark.parametrize(
    "other",
    [{"dataset": "rides"}, {"label": "early"}, {"task": "regression"}, {"held_out": 0}],
)
def test_facts_of_another_dataset_or_label_are_not_believed(tmp_path: Path, other) -> None:
    assert messages(project(tmp_path / "p", MARGIN), replace(FACTS, **other)) == []


def test_a_share_to_hold_out_that_was_not_tried_yet_is_reckoned_with(tmp_path: Path) -> None:
    root = project(tmp_path / "p", MARGIN)
    path = root / "specs" / "dataset.yaml"
    path.write_text(path.read_text().replace("test: 20%", "test: 40%"))

    assert (
        "on about 4,000 held-out rows (40% of the 10,000 of the last run"
        in messages(root, FACTS)[0]
    )


def test_the_disagreement_that_was_measured_wins_over_the_expected_one(tmp_path: Path) -> None:
    root = project(tmp_path / "p", MARGIN, prior="expected: {disagreement: 4%}\n")
    [expected] = [d for d in said(root, FACTS) if "accuracy" in d.message]
    [measured] = [
        d for d in said(root, replace(FACTS, disagreement=0.2)) if "accuracy" in d.message
    ]

    assert "two versions are expected to disagree on 4% of rows" in expected.help
    assert "show 1.2pp or more" in expected.help
    assert "candidate and production disagreed on 20% of them" in measured.help
    assert "show 2.5pp or more" in measured.help


def test_identical_versions_tell_nothing_of_the_next_ones(tmp_path: Path) -> None:
    [told] = [
        d
        for d in said(project(tmp_path / "p", MARGIN), replace(FACTS, disagreement=0.0))
        if "accuracy" in d.message
    ]

    assert "two versions are taken to disagree on 10% of rows" in told.help


def test_the_error_that_was_measured_needs_no_formula(tmp_path: Path) -> None:
    gates = "production: {brier_score: {hypothesis: non_inferiority, margin: 0.2pp}}\n"
    root = project(tmp_path / "p", gates + QUIET.replace("production: {", "# {"))
    measured = replace(FACTS, deviations={"brier_score": 0.1})

    assert [m for m in messages(root, FACTS) if "brier" in m] == []
    # 0.1 / √2000 = 0.0022; z = 2.486
    assert [d.help for d in said(root, measured) if "brier" in d.message] == [
        "these rows show 0.56pp or more; 0.2pp takes about 15,500 such rows. Write margin: 0.56pp, "
        "or hold out more rows"
    ]


def test_a_policy_of_the_package_is_warned_of_where_the_model_names_it(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "")
    [told] = said(root, replace(FACTS, rows=1000, held_out=200, positives=40, groups={}))

    assert str(told).startswith("specs/model.yaml:13:9: warning MLS330: a margin of 2% on roc_auc ")
    assert "of the policy 'standard' is below the noise" in told.message
    assert (
        "Write production: {roc_auc: {hypothesis: non_inferiority, margin: 6.2%}} in a Gates of "
        "yours" in told.help
    )


def test_decided_on_the_point_a_margin_lets_through_what_it_should_not(tmp_path: Path) -> None:
    """STATISTICS.md 1.2: 24 % with a disagreement of 10 %, 16 % with one of 5 %."""
    gates = "production: {accuracy: {hypothesis: margin, margin: 0.5pp}}\ndecide_on: point\n"
    root = project(tmp_path / "p", gates)

    assert (
        "a candidate no better than production passes 24% of the time" in messages(root, FACTS)[0]
    )
    assert (
        "production passes 16% of the time" in messages(root, replace(FACTS, disagreement=0.05))[0]
    )


def test_a_group_that_fairness_leaves_out_is_named(tmp_path: Path) -> None:
    gates = "fairness: {zone: {by: [zone], equal_opportunity_difference: {max: 0.5}}}\n"

    assert messages(project(tmp_path / "p", gates + QUIET), FACTS) == [
        "MLS334 fairness.zone equal_opportunity_difference: on the 2,000 held-out rows of the last "
        "run of 'late-trip', 1 of 3 groups of zone have fewer than 30 positives, and are left out "
        "(zone=sea: 5)"
    ]


def test_columns_that_were_counted_together_need_not_be_independent(tmp_path: Path) -> None:
    gates = "segments: {cross: {by: [zone, holiday], min: 0.5}}\n" + QUIET
    root = project(tmp_path / "p", gates)
    holiday = {**FACTS.groups, ("holiday",): (Group("true", 1000, 200), Group("false", 1000, 200))}
    together = {("zone", "holiday"): tuple(Group(f"cell {i}", 20, 4) for i in range(100))}

    assert messages(root, FACTS) == []
    assert messages(root, replace(FACTS, groups=holiday)) == []
    assert messages(root, replace(FACTS, groups={**holiday, **together})) == [
        "MLS334 segments.cross: 100 of 100 groups of zone × holiday have fewer than 200 rows, and "
        "are judged together as one: all of the 2,000 held-out rows of the last run of 'late-trip'"
    ]


def test_columns_that_make_more_groups_than_rows_are_told_so_at_once(tmp_path: Path) -> None:
    gates = "segments: {cross: {by: [zone, holiday, seats], min: 0.5}}\n" + QUIET
    prior = "expected: {rows: 200000, groups: {zone: 2000000000, holiday: 100, seats: -1}}\n"
    root = project(tmp_path / "p", gates, prior=prior)
    many = {
        (c,): tuple(Group(f"{i}", 20, 4) for i in range(100)) for c in ("zone", "holiday", "seats")
    }

    assert messages(root) == []
    assert messages(root, replace(FACTS, groups=many)) == [
        "MLS334 segments.cross: zone × holiday × seats can make 1,000,000 groups of the 2,000 "
        "held-out rows of the last run of 'late-trip'"
    ]


ZONES = (Group("a", 1970, 0), Group("b", 0, 0), Group("c", 30, 30))
STRANGE = {
    "no positive": replace(FACTS, positives=0),
    "all positive": replace(FACTS, positives=2000),
    "no classes": replace(FACTS, positives=None),
    "perfect": replace(FACTS, estimates=dict.fromkeys(("roc_auc", "accuracy", "recall"), 1.0)),
    "useless": replace(FACTS, estimates=dict.fromkeys(FACTS.estimates, 0.0)),
    "nothing estimated": replace(FACTS, estimates={}),
    "tiny errors": replace(FACTS, deviations={"accuracy": 1e-320}, slowness={"p99": 1e-320}),
    "errors below 0": replace(FACTS, deviations={"roc_auc": -1.0}, slowness={"p99": -1.0}),
    "other versions": replace(FACTS, disagreement=1.0),
    "no group": replace(FACTS, groups={("zone",): ()}),
    "odd groups": replace(FACTS, groups={("zone",): ZONES}),
}
UNSOUND = {
    "nothing held out": replace(FACTS, test=0.0),
    "more held out than there is": replace(FACTS, rows=1000),
    "more positives than rows": replace(FACTS, positives=2001),
    "an estimate above 1": replace(FACTS, estimates={"recall": 1e300}),
    "a share below 0": replace(FACTS, disagreement=-7.0),
    "a group below 0": replace(FACTS, groups={("zone",): (Group("a", -5, -9),)}),
    "groups above all rows": replace(FACTS, groups={("zone",): (Group("a", 10**15, 1),)}),
}


@pytest.mark.parametrize("facts", UNSOUND.values(), ids=UNSOUND)
def test_facts_that_cannot_be_are_not_believed(tmp_path: Path, facts) -> None:
    assert messages(project(tmp_path / "p", MARGIN), facts) == []


@pytest.mark.parametrize("facts", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("decide_on", ["bound", "point"])
def test_extremes_break_nothing(tmp_path: Path, facts, decide_on) -> None:
    root = write_project(tmp_path / "p")
    path = root / "specs" / "gates.yaml"
    text = path.read_text().replace("min_rows: 10000", "min_rows: 1")
    path.write_text(text.replace("decide_on: bound", f"decide_on: {decide_on}"))

    assert {d.code.id for d in said(root, facts)} <= {f"MLS33{i}" for i in range(5)}


def test_a_limit_near_the_last_estimate_is_told_what_would_decide_it(tmp_path: Path) -> None:
    root = project(tmp_path / "p", QUIET)
    path = root / "specs" / "case.yaml"
    path.write_text(path.read_text().replace("min: 0.5", "min: 0.79"))
    [told] = said(root, FACTS)

    assert told.code.id == "MLS333"
    assert (
        "min: 0.79 is close to the last estimate, 0.8: on the 2,000 held-out rows" in told.message
    )
    assert "or write min: 0.7" in told.help


def test_timings_that_could_not_tell_equal_models_apart_are_named(tmp_path: Path) -> None:
    gates = "latency: {p99: {slower_by: 5%}, p50: {slower_by: 5%}}\n" + QUIET
    root = project(tmp_path / "p", gates)
    [told] = said(root, replace(FACTS, slowness={"p99": 0.04, "p50": 0.005}))

    assert messages(root, FACTS) == []
    assert told.message == (
        "latency.p99 slower_by: 5% is below the noise: timed as at the last run, a candidate that "
        "is as fast as production passes 35% of the time"
    )
    assert told.help.startswith("write slower_by: 10%, or time on a machine")


def test_facts_change_warnings_and_nothing_else(tmp_path: Path) -> None:
    root = project(tmp_path / "p", MARGIN)

    assert compile_project(root)[0] == compile_project(root, {"late-trip": FACTS})[0]


def test_a_workspace_of_this_machine_is_found(tmp_path: Path) -> None:
    root = project(tmp_path / "p", MARGIN)
    found = {
        "format_version": 1, "dataset": "trips", "label": "late", "task": "binary", "rows": 10_000,
        "held_out": 2000, "test": 0.2, "positives": 400, "groups": [], "estimates": {},
        "deviations": {}, "disagreement": None,
    }  # fmt: skip
    place = root / ".spec" / "local" / "facts" / "late-trip.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(found))

    assert "the 2,000 held-out rows" in str(
        next(iter(compile_project(root, recorded_facts(root))[1]))
    )
    assert list(compile_project(root)[1]) == []
