"""The journal: which steps were done, with what outcome, and what was applied last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, insert, select

from mlops_spec.state.store import Store
from mlops_spec.state.tables import APPLIED, STEPS
from mlops_spec.terms.digest import finite


@dataclass(frozen=True, slots=True)
class Step:
    """One step as recorded. `status`: running, done or failed. `output` is JSON."""

    step: str
    digest: str
    run: str
    status: str
    output: dict[str, Any] = field(default_factory=dict)
    started_at: float = 0.0
    finished_at: float | None = None


class Journal:
    """The steps of one environment."""

    def __init__(self, store: Store, environment: str) -> None:
        self._store = store
        self.environment = environment

    def start(self, model: str, step: str, digest: str, run: str) -> None:
        """Say that a step runs now. A step that was done before stays done: callers look first."""
        with self._store.begin() as connection:
            connection.execute(delete(STEPS).where(*self._is(model, step, digest)))
            connection.execute(
                insert(STEPS).values(
                    environment=self.environment,
                    model=model,
                    step=step,
                    digest=digest,
                    run=run,
                    status="running",
                    output={},
                    started_at=self._store.clock(),
                )
            )

    def finish(
        self, model: str, step: str, digest: str, status: str, output: dict[str, Any]
    ) -> None:
        """Record a step after its effect. `status` is done or failed."""
        with self._store.begin() as connection:
            connection.execute(
                STEPS.update()
                .where(*self._is(model, step, digest))
                .values(status=status, output=finite(output), finished_at=self._store.clock())
            )

    def update(self, model: str, step: str, digest: str, output: dict[str, Any]) -> None:
        """Record how far a running step is, for those who watch."""
        with self._store.begin() as connection:
            connection.execute(
                STEPS.update().where(*self._is(model, step, digest)).values(output=finite(output))
            )

    def find(self, model: str, step: str, digest: str) -> Step | None:
        """The record of exactly this step, whatever its status."""
        with self._store.begin() as connection:
            row = connection.execute(select(STEPS).where(*self._is(model, step, digest))).first()
        return _step(row) if row else None

    def done(self, model: str, step: str, digest: str) -> Step | None:
        """The record of this step if it was finished well."""
        found = self.find(model, step, digest)
        return found if found and found.status == "done" else None

    def forget(self, model: str, step: str, digest: str) -> None:
        """Remove a record, so that the step runs again."""
        with self._store.begin() as connection:
            connection.execute(delete(STEPS).where(*self._is(model, step, digest)))

    def steps(
        self, model: str, *, step: str | None = None, run: str | None = None
    ) -> tuple[Step, ...]:
        """The recorded steps of a model, oldest first."""
        query = select(STEPS).where(STEPS.c.environment == self.environment, STEPS.c.model == model)
        if step is not None:
            query = query.where(STEPS.c.step == step)
        if run is not None:
            query = query.where(STEPS.c.run == run)
        with self._store.begin() as connection:
            rows = connection.execute(query.order_by(STEPS.c.started_at, STEPS.c.id)).all()
        return tuple(map(_step, rows))

    def applied(self, model: str) -> dict[str, Any] | None:
        """The flattened spec that the last finished apply of this model was given."""
        where = (APPLIED.c.environment == self.environment, APPLIED.c.model == model)
        with self._store.begin() as connection:
            row = connection.execute(select(APPLIED.c.spec).where(*where)).first()
        return dict(row[0]) if row else None

    def applied_at(self, model: str) -> float:
        """When an apply of this model was finished last, in seconds since 1970; 0 for never."""
        where = (APPLIED.c.environment == self.environment, APPLIED.c.model == model)
        with self._store.begin() as connection:
            return float(connection.execute(select(APPLIED.c.at).where(*where)).scalar() or 0.0)

    def models(self) -> tuple[str, ...]:
        """The models of which any step was ever started here, in order of their names."""
        query = select(STEPS.c.model).where(STEPS.c.environment == self.environment).distinct()
        with self._store.begin() as connection:
            return tuple(connection.execute(query.order_by(STEPS.c.model)).scalars())

    def record_applied(self, model: str, spec: dict[str, Any]) -> None:
        """Record what was applied, once everything that it asks for is true."""
        where = (APPLIED.c.environment == self.environment, APPLIED.c.model == model)
        with self._store.begin() as connection:
            serial = connection.execute(select(APPLIED.c.serial).where(*where)).scalar() or 0
            connection.execute(delete(APPLIED).where(*where))
            connection.execute(
                insert(APPLIED).values(
                    environment=self.environment,
                    model=model,
                    serial=serial + 1,
                    spec=finite(spec),
                    at=self._store.clock(),
                )
            )

    def _is(self, model: str, step: str, digest: str) -> tuple[Any, ...]:
        return (
            STEPS.c.environment == self.environment,
            STEPS.c.model == model,
            STEPS.c.step == step,
            STEPS.c.digest == digest,
        )


def _step(row: Row[Any]) -> Step:
    return Step(
        row.step, row.digest, row.run, row.status, dict(row.output), row.started_at, row.finished_at
    )
