"""Presences: any number of processes show that they work, and keep nobody from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from mlops_spec.runtime.context import Context
from mlops_spec.state import Lease, Presence, Store
from mlops_spec.state.lease import present_at
from mlops_spec.state.tables import LEASES
from mlops_spec.terms.steps import flow_presence
from mlops_spec.terms.workspace import Workspace

NAME = "model/local/churn/batch"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.at(tmp_path / "state.db", lambda: 1000.0)
    yield store
    store.close()


def _rows(store: Store) -> int:
    with store.begin() as connection:
        return connection.execute(select(func.count()).select_from(LEASES)).scalar_one()


def test_work_shows_as_long_as_anyone_is_at_it(store: Store) -> None:
    assert present_at(store, NAME) is None
    with Presence(store, NAME, "batch"):
        with Presence(store, NAME, "batch"):
            assert (present_at(store, NAME) or "").startswith("batch (process ")
        assert (present_at(store, NAME) or "").startswith("batch (process ")
    assert (present_at(store, NAME), _rows(store)) == (None, 0)


def test_a_presence_keeps_nobody_from_the_model(store: Store) -> None:
    with Presence(store, NAME, "batch"), Lease(store, "model/local/churn", "train"):
        assert present_at(store, "model/local/churn/monitor") is None
    with Lease(store, "model/local/churn", "train"):
        assert present_at(store, NAME) is None


def test_what_killed_processes_left_behind_goes_with_the_next_that_comes(store: Store) -> None:
    ended = {"name": f"{NAME}/0", "holder": "h", "host": "elsewhere", "pid": 1, "purpose": "batch"}
    with store.begin() as connection:
        connection.execute(insert(LEASES).values(**ended, acquired_at=900, expires_at=999))
    assert (present_at(store, NAME), _rows(store)) == (None, 1)

    with Presence(store, NAME, "batch"):
        assert _rows(store) == 1


def test_a_flow_is_present_under_the_name_that_is_looked_at(store: Store, tmp_path: Path) -> None:
    place = Workspace(tmp_path / ".spec" / "local")
    context = Context("churn", tmp_path, place, store, {})
    with context.present("batch"):
        assert present_at(store, flow_presence("local", "churn", "batch")) is not None
