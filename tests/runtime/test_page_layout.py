"""Where things stand on a page that people read on a telephone."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from mlops_spec.runtime.page.markup import interval, places_for
from mlops_spec.runtime.page.series import Frame, Point, apart, band

RUNTIME = Path(__file__).parents[2] / "mlops_spec" / "runtime"
CARD = (RUNTIME / "card" / "card.html").read_text(encoding="utf-8")
REPORT = (RUNTIME / "monitor" / "report_page.html").read_text(encoding="utf-8")
# Pixels that a character of an interval takes in the small print of a page: 138 for 18 of them in
# Chromium.
FIGURE = 7.7


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ([10.0, 80.0, 150.0], [10.0, 80.0, 150.0]),
        ([10.0, 15.0, 150.0], [10.0, 32.0, 150.0]),
        ([15.0, 10.0], [32.0, 10.0]),  # in the order given
        ([180.0, 178.0, 12.0], [196.0, 174.0, 12.0]),  # up again, where the chart ends
        ([100.0, 100.0, 100.0], [100.0, 122.0, 144.0]),
        ([], []),
    ],
)
def test_names_that_would_meet_give_way_to_each_other(
    places: list[float], found: list[float]
) -> None:
    assert apart(places, 22.0, 196.0) == found


def test_base_and_limit_do_not_meet_however_close_and_whatever_the_screen() -> None:
    frame = Frame(0.0, 1.0, -0.5, 0.01)
    ticks = ((0.0, "base"), (-0.01, "limit -1%"), (-0.5, "-50%"))
    drawn = band([Point(0.5, -0.2, -0.3, -0.1, "a window")], frame, ticks)

    texts = re.findall(r'y="([\d.]+)" style="--down:([\d.-]+)px"[^>]*>([^<]*)</text>', drawn)
    assert [name for *_, name in texts] == ["base", "-1%", "-50%"]
    wide = [float(y) for y, *_ in texts]
    narrow = [float(y) + float(down) for y, down, _ in texts]
    # Their heights in units of the chart: 11 on paper, 21 below 640 px, as the style sheet says.
    assert min(b - a for a, b in pairwise(wide)) >= 11
    assert min(b - a for a, b in pairwise(narrow)) >= 21
    assert max(*wide, *narrow) <= frame.height + 4
    lines = re.findall(r'<line class="(?:grid|limit)"[^>]*y1="([\d.]+)"', drawn)
    assert lines == [f"{frame.y(value):.1f}" for value, _ in ticks]  # lines stay where they are


def test_the_page_moves_names_where_it_makes_them_larger() -> None:
    narrow = REPORT.partition("@media (max-width:640px) {")[2].partition("</style>")[0]
    assert ".chart text { font-size:21px; transform:translateY(var(--down)) }" in narrow
    assert ".chart { overflow:visible }" in narrow  # `10.5×` is wider than its margin there


def test_an_interval_has_its_column_or_breaks_between_its_ends() -> None:
    columns = re.search(r"\.verdicts > li \{ grid-template-columns:.* (\d+)px \d+px \d+px \}", CARD)
    assert columns is not None
    for low, high in ((0.02432, 0.02516), (1234.5, 5678.5), (-0.032, 0.015)):
        shown = interval(low, high, places_for(low, high))
        assert len(shown) * FIGURE <= float(columns[1]), shown
    assert not re.search(r"\.value \.soft[^{}]*\{[^}]*nowrap", CARD)


def test_on_a_telephone_the_columns_of_the_report_stand_below_each_other() -> None:
    """Each row a small grid: a wide table would hide its verdicts beyond the edge."""
    narrow = REPORT.partition("@media (max-width:640px) {")[2].partition("</style>")[0]
    assert "min-width" not in narrow
    assert ".wide tr { display:grid; grid-template-columns:minmax(0,1fr) auto;" in narrow
    assert ".wide td:nth-child(5) { grid-row:1; grid-column:2;" in narrow  # the verdict, on top


def test_on_a_telephone_the_features_of_the_card_keep_their_range_in_sight() -> None:
    """Below the name and the drawing, where a wide table had it beyond the edge."""
    narrow = CARD.partition("@media (max-width:760px) {")[2].partition("@media print")[0]
    assert "min-width" not in narrow
    assert ".wide tr { display:grid; grid-template-columns:minmax(0,1fr) auto;" in narrow
    assert ".wide .below { grid-column:1/-1; order:1 }" in narrow
