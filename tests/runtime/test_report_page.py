"""The page and the metrics: whole, self-contained, and safe with any text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from monitor_world import DATASET, DAY, DRIFT, RETRAIN, SUMMER, World, rows
from page_reader import parsed

from mlops_spec.runtime.monitor import exposition, report
from mlops_spec.runtime.monitor import steps as monitoring
from mlops_spec.runtime.monitor.charts import bars
from mlops_spec.runtime.monitor.profile import Profile, measure
from mlops_spec.runtime.monitor.report import Findings
from mlops_spec.runtime.monitor.retrain import Decision, retrain
from mlops_spec.terms.exposition import EXPOSED
from mlops_spec.terms.verdict import Outcome, Verdict


def _publish(world: World, until: str | None = None) -> tuple[str, str]:
    seen, compared, judged, window = world.look(until)
    decision = retrain(world.context, RETRAIN, window, world.start)
    written = report.publish(world.context, Findings(seen, window, compared, judged, decision))
    page = Path(written["page"]).read_text(encoding="utf-8")
    return page, Path(written["metrics"]).read_text(encoding="utf-8")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_page_tells_what_drifted_and_what_was_started(world: World) -> None:
    world.serve(rows(world.random, 1500, SUMMER, 7, warmer=9))
    page, _ = _publish(world)
    read = parsed(page)
    assert read.outside == []
    assert not re.search(r"https?://", page)
    assert "1 of 5 columns have drifted" in read.said
    assert "Άφιξη" in read.said
    assert "flow-run-0" in read.said
    assert page.count('<svg class="histogram"') == 5
    assert 'lang="en"' in page
    assert "prefers-color-scheme: dark" in page


def test_the_page_of_an_empty_log_is_whole_and_calls_nothing_fine(world: World) -> None:
    world.serve(rows(world.random, 0, SUMMER, 7))
    page, metrics = _publish(world)
    said = parsed(page).said
    assert "There are too few predictions to judge" in said
    assert "No window had enough predictions yet." in said
    assert "✓ pass" not in said
    assert 'mlops_monitor_outcome{model="flight-delay",outcome="no_data"} 1\n' in metrics
    assert "mlops_drift_score" not in metrics
    assert "nan" not in metrics


def test_text_from_data_cannot_become_markup() -> None:
    evil = "<script>alert('1')</script>\"&"
    column = measure([evil, evil, "b"], "category")
    frozen = Profile({evil: column}, {})
    verdict = Verdict(f"psi {evil}", Outcome.FAIL, 0.4, 0.3, 0.5, 500, "0.2", evil)
    row = report._row(verdict, monitoring.Compared((verdict,), frozen, frozen))
    assert "<script" not in row
    assert "&lt;script&gt;" in row
    parsed(f"<table>{row}</table>")


def test_words_of_the_spec_stand_as_code_and_not_in_backticks() -> None:
    quiet = Decision("quiet", "nothing that `retrain.when` names is breached by <b>")
    shown = report._retraining((), quiet)
    assert "<p>Nothing that <code>retrain.when</code> names is breached by &lt;b&gt;.</p>" in shown


def test_label_values_of_metrics_are_escaped() -> None:
    assert exposition._labels({"column": 'a"b\\c\nd'}) == 'column="a\\"b\\\\c\\nd"'


def test_metrics_have_the_documented_names_and_parse(world: World) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    for week in range(4):
        world.serve(rows(world.random, 1500, SUMMER + 7 * week * DAY, 7))
    _, metrics = _publish(world, "2013-06-29T00:00:00+00:00")
    families = {family.name: family for family in text_string_to_metric_families(metrics)}
    found = {name: frozenset(family.samples[0].labels) for name, family in families.items()}
    assert found == {name: labels for name, labels in EXPOSED.items() if name in found}
    assert len(found) == 6
    outcome = {s.labels["outcome"]: s.value for s in families["mlops_monitor_outcome"].samples}
    assert outcome == {"pass": 1, "fail": 0, "inconclusive": 0, "no_data": 0, "error": 0}
    columns = {
        (s.labels["column"], s.labels["test"]) for s in families["mlops_drift_score"].samples
    }
    assert ("Άφιξη", "psi") in columns
    assert ("score", "ks") in columns


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.prom"
    exposition.write(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        exposition.write(path, "\ud800")
    assert path.read_text() == "old\n"
    assert [found.name for found in tmp_path.iterdir()] == ["metrics.prom"]


def test_histograms_hold_every_row(world: World) -> None:
    frame = rows(world.random, 4000, SUMMER, 7)
    for name in ("temp", "hour", "carrier"):
        column = measure(frame[name], DATASET.column(name).type)
        found = bars(column, column)
        assert sum(bar.before for bar in found) == pytest.approx(1)
        assert [bar.before for bar in found] == [bar.now for bar in found]
        assert len(found) <= 26
    assert bars(measure([], "float"), measure([], "float")) == ()


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([Outcome.PASS, Outcome.PASS], "Production looks like training"),
        ([Outcome.PASS, Outcome.FAIL], "The model performs worse than its baseline"),
        ([Outcome.FAIL, Outcome.FAIL], "1 of 1 columns have drifted, and the model performs worse "
                                       "than its baseline"),
        ([Outcome.NO_DATA, Outcome.NO_DATA], "There are too few predictions to judge"),
        ([Outcome.PASS, Outcome.NO_DATA], "No breach, but not everything could be judged"),
        ([Outcome.INCONCLUSIVE, Outcome.PASS], "No breach, but not everything could be judged"),
    ],
)  # fmt: skip
def test_the_headline_is_the_worst_news_and_never_better(
    verdicts: list[Outcome], sentence: str
) -> None:
    found = [Verdict("ks temp", verdicts[0]), Verdict("performance roc_auc", verdicts[1])]
    assert report.headline(found) == sentence


def test_another_policy_needs_no_other_baseline(world: World) -> None:
    world.serve(rows(world.random, 1500, SUMMER, 7, warmer=3))
    strict, loose = (world.look(drift=replace(DRIFT, ks=ks))[-1].outcome for ks in (0.05, 0.3))
    assert (strict, loose) == ("fail", "pass")
