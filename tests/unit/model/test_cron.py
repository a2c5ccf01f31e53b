"""How often a cron line comes up."""

import pytest

from mlops_spec.model.cron import FIELDS, numbers, shortest_gap

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("* * * * *", MINUTE),
        ("0 * * * *", HOUR),
        ("*/25 * * * *", 10 * MINUTE),  # from :50 to the next :00
        ("5/20 * * * *", 20 * MINUTE),
        ("0 2 * * *", DAY),
        ("0,30 2 * * *", 30 * MINUTE),
        ("0 1,23 * * *", 2 * HOUR),  # over midnight
        ("0 3 * * 1", 7 * DAY),
        ("0 3 * * mon,wed", 2 * DAY),
        ("0 3 * * 0,7", 7 * DAY),  # both are Sunday
        ("0 0 1 * *", 28 * DAY),
        ("0 0 1,15 * *", 14 * DAY),
        ("0 0 1 * mon", DAY),  # either of them
        ("0 0 */2 * *", DAY),  # the 31st and the 1st
        ("0 1,23 1,2 1 *", 2 * HOUR),
        ("0 1,23 1 1 *", 22 * HOUR),
        ("0 0 29 2 *", 1464 * DAY),
        ("0 0 31 2 *", 1464 * DAY),  # never
    ],
)
def test_the_shortest_gap_between_two_moments(text: str, seconds: int) -> None:
    assert shortest_gap(text) == seconds


def test_a_part_stands_for_its_numbers() -> None:
    minute, *_, weekday = FIELDS
    assert numbers("*/20", minute) == range(0, 60, 20)
    assert numbers("mon-FRI", weekday) == range(1, 6)
    assert numbers("7", weekday) == range(7, 8)
    assert [numbers(part, minute) for part in ("60", "5-1", "mon", "*/0", "")] == [None] * 5
