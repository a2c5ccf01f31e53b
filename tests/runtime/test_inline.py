"""Requests that the event loop reads in one turn are scored at once, where that pays."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from mlops_spec.runtime.portable.scorer import Scores
from mlops_spec.runtime.service import inline as module
from mlops_spec.runtime.service.inline import Inline
from mlops_spec.runtime.service.rows import Rows


class Model:
    def __init__(self) -> None:
        self.batches: list[int] = []

    def score(self, rows: Any) -> Scores:
        self.batches.append(len(rows))
        if any(row == (666.0,) for row in rows):
            raise ValueError("the model fails on this row")
        return Scores([row[0] for row in rows], [row[0] > 5 for row in rows])


def rows(*values: float) -> Rows:
    return Rows(("x",), [(value,) for value in values], [None] * len(values), [])


async def turn(inline: Inline, *asked: Rows) -> list[Any]:
    """What requests of one turn of the loop are told."""
    return await asyncio.gather(*(inline.score(each) for each in asked), return_exceptions=True)


def test_a_turn_of_several_is_followed_by_batches_until_one_comes_alone() -> None:
    async def story(model: Model) -> None:
        inline = Inline(model.score, gathers=True, most=64)
        three = [rows(1.0), rows(6.0, 7.0), rows(3.0)]
        wanted = [
            Scores([1.0], [False]), Scores([6.0, 7.0], [True, True]), Scores([3.0], [False])
        ]  # fmt: skip
        assert await turn(inline, *three) == wanted
        assert await turn(inline, *three) == wanted
        assert await turn(inline, three[0]) == wanted[:1]
        assert await turn(inline, three[0]) == wanted[:1]
        assert await turn(inline, *three) == wanted

    model = Model()
    asyncio.run(story(model))
    assert model.batches == [1, 2, 1, 4, 1, 1, 1, 2, 1]


def test_rows_that_the_model_fails_on_cost_the_others_no_answer() -> None:
    async def story(model: Model) -> list[Any]:
        inline = Inline(model.score, gathers=True, most=64)
        await turn(inline, rows(1.0), rows(2.0))
        return await turn(inline, rows(1.0), rows(666.0), rows(2.0))

    found = asyncio.run(story(Model()))
    assert [found[0], found[2]] == [Scores([1.0], [False]), Scores([2.0], [False])]
    assert isinstance(found[1], ValueError)


def test_no_batch_keeps_the_loop_longer_than_one_request_may() -> None:
    async def story(model: Model) -> None:
        inline = Inline(model.score, gathers=True, most=64)
        await turn(inline, rows(1.0), rows(2.0))
        many = [rows(*map(float, range(40))), rows(*map(float, range(40))), rows(1.0)]
        found = await turn(inline, *many)
        assert [len(each.score) for each in found] == [40, 40, 1]

    model = Model()
    asyncio.run(story(model))
    assert model.batches == [1, 1, 40, 41]
    assert max(model.batches) <= 64


def test_a_client_that_left_costs_the_others_no_answer() -> None:
    async def story() -> list[Any]:
        inline = Inline(Model().score, gathers=True, most=64)
        await turn(inline, rows(1.0), rows(2.0))
        asked = [asyncio.ensure_future(inline.score(rows(float(n)))) for n in range(3)]
        await asyncio.sleep(0)
        asked[1].cancel()
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(story())
    assert [found[0], found[2]] == [Scores([0.0], [False]), Scores([2.0], [False])]


@pytest.mark.parametrize(
    ("a_run", "a_row", "found"),
    [
        (16e-6, 2e-6, (True, 250)),
        (0.0, 16e-6, (False, 62)),
        (0.0, 1e-8, (False, module.MOST_ROWS)),
        (0.0, 0.1, (False, 1)),
    ],
)
def test_it_is_measured_whether_a_batch_pays_and_how_many_rows_are_a_millisecond(
    monkeypatch: pytest.MonkeyPatch, a_run: float, a_row: float, found: tuple[bool, int]
) -> None:
    monkeypatch.setattr(module, "_seconds", lambda _, rows: a_run + a_row * len(rows))
    assert module._measured(lambda _: Scores([], []), np.zeros((1, 2))) == found


def test_several_requests_are_scored_together_as_long_as_they_are_few_rows() -> None:
    model = Model()
    inline = Inline(model.score, gathers=False, most=4)
    assert inline.scores([rows(1.0), rows(6.0, 7.0)]) == [
        Scores([1.0], [False]), Scores([6.0, 7.0], [True, True])
    ]  # fmt: skip
    assert inline.scores([rows(1.0), rows(6.0, 7.0), rows(2.0, 3.0)])[2] == Scores(
        [2.0, 3.0], [False, False]
    )
    assert inline.scores([rows(1.0, 2.0, 3.0, 4.0, 5.0)]) == [None]
    assert model.batches == [3, 1, 2, 2]


def test_a_row_that_the_model_fails_on_costs_the_others_of_its_turn_no_answer() -> None:
    found = Inline(Model().score, gathers=False, most=64).scores([rows(1.0), rows(666.0)])
    assert found[0] == Scores([1.0], [False])
    assert isinstance(found[1], ValueError)
