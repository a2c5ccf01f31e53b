"""The forms that pages are made of: numbers, limits, axes, curves, thinned and exact."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mlops_spec.runtime.card.about import _features
from mlops_spec.runtime.card.binary import curve
from mlops_spec.runtime.card.multiclass import confusion
from mlops_spec.runtime.card.regression import _in_time
from mlops_spec.runtime.page.forest import Limit, Mark, axis_for, limit_of, strip
from mlops_spec.runtime.page.markup import identifier, interval, number, places_for, text
from mlops_spec.runtime.page.plot import Axis
from mlops_spec.stats.judged import Judged


@pytest.mark.parametrize(
    ("shown", "limit"),
    [
        ("≥ 0.7", Limit(0.7, 1)),
        ("≤ 20 ms", Limit(20, -1)),
        ("Δ > -0.01", Limit(-0.01, 1)),
        ("Δ < +0.002", Limit(0.002, -1)),
        ("≤ 1e-05", Limit(1e-5, -1)),
        ("", None),
        ("no limit", None),
    ],
)
def test_a_limit_is_read_from_what_a_verdict_shows(shown, limit):
    assert limit_of(shown) == limit


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (None, None, "–"), (math.nan, 2, "–"), (math.inf, 2, "∞"), (-math.inf, None, "−∞"),
        (0.0, 3, "0"), (-0.01, 3, "−0.010"), (0.73714, None, "0.7371"), (12345.6, None, "12,346"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value, places, shown):
    assert number(value, places) == shown


def test_an_interval_gives_the_estimate_its_places():
    places = places_for(0.7293, 0.7441)
    assert (places, interval(0.7293, 0.7441, places)) == (3, "0.729 to 0.744")
    assert (places_for(None, 1.0), interval(None, 1.0), interval(None, None)) == (
        None, "−∞ to 1", "",
    )  # fmt: skip


def test_no_character_of_a_value_steers_the_page():
    assert text("<b>&\"'") == "&lt;b&gt;&amp;&quot;&#x27;"
    assert text("a\u202eb\x00c\ud800d\ne") == "a\ufffdb\ufffdc\ufffdd e"
    assert len(text("x" * 10_000)) < 400
    assert identifier("a_b<i>") == "a_<wbr>b&lt;i&gt;"


def test_ticks_are_round_and_within_the_axis():
    assert Axis(0.0, 1.0, 0, 100).ticks() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    for low, high in ((-3.3, 7.1), (0.9931, 0.9947), (1e6, 1.1e6), (5.0, 5.0)):
        found = Axis(low, high, 0, 100).ticks()
        assert found == sorted(found)
        assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
        assert len(found) <= 7


def test_an_unknown_or_unbounded_estimate_draws_what_is_known():
    silent = Mark(None, None, None, "no_data", "nothing")
    assert "circle" not in strip([silent], axis_for([silent], [None]), None)
    half = Mark(1.0, 0.5, None, "pass", "open above")
    drawn = strip([half], axis_for([half], [Limit(0.2, 1)]), Limit(0.2, 1))
    assert 'x2="300.0"' in drawn
    assert "nan" not in drawn


@pytest.mark.parametrize("ties", [False, True])
def test_a_thinned_curve_lies_on_the_whole_one(ties):
    random = np.random.default_rng(0)
    positive = random.random(20_000) < 0.2
    scores = np.where(positive, 0.3, 0.0) + random.random(20_000)
    scores = scores.round(1) if ties else scores
    found = curve(positive, scores)
    assert len(found.hits) <= 160
    points = set(zip(found.hits.astype(int), found.alarms.astype(int), strict=True))
    ranked = np.sort(scores[positive])[::-1]
    for hits, alarms in points:
        threshold = ranked[max(hits, 1) - 1]
        assert hits in (0, (positive & (scores >= threshold)).sum())
        assert alarms >= (~positive & (scores > threshold)).sum()
    area = float(np.trapezoid([0, *found.recall], [0, *found.false_rate]))
    wins = (scores[positive][:, None] > scores[~positive][None, :4000]).mean()
    even = (scores[positive][:, None] == scores[~positive][None, :4000]).mean()
    assert area == pytest.approx(float(wins + even / 2), abs=0.02)
    assert (found.recall[-1], found.false_rate[-1]) == (1, 1)


def test_many_classes_are_folded_and_no_row_is_lost():
    random = np.random.default_rng(1)
    truth, decided = random.integers(0, 40, 5000), random.integers(0, 40, 5000)
    judged = Judged(truth, np.zeros((5000, 40)), decided, classes=tuple(range(40)))
    names, counts = confusion(judged)
    assert (len(names), names[-1], counts.shape) == (13, "28 others", (13, 13))
    assert counts.sum() == 5000


def test_colours_are_named_once():
    folder = Path(__file__).parents[2] / "mlops_spec" / "runtime"
    shared = (folder / "page" / "base.css").read_text()
    for page in ("card/card.html", "monitor/report_page.html"):
        assert "$style" in (folder / page).read_text()
        assert "--fail:" not in (folder / page).read_text()
    assert shared.count("--fail:") == 2


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_errors_lie_in_the_time_of_their_rows_whatever_unit_that_is_stored_in(unit):
    times = pd.Series(pd.date_range("2024-04-12", periods=400, freq="h", tz="UTC"))
    drawn = _in_time(np.linspace(-1, 1, 400), times.dt.as_unit(unit))

    assert "2024-04-" in drawn
    assert "1970" not in drawn


@pytest.mark.parametrize(("names", "said"), [("a", "1 feature"), ("ab", "2 features")])
def test_features_are_counted_in_words_that_fit(tmp_path, names, said):
    found = SimpleNamespace(manifest={"features": dict.fromkeys(names, "float")}, folder=tmp_path)
    assert f"<h3>{said}</h3>" in _features(found)
