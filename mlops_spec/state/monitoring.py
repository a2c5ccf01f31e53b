"""What the monitor saw, and which retrainings it started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from mlops_spec.state.store import Store
from mlops_spec.state.tables import RETRAININGS, WINDOWS
from mlops_spec.terms.digest import finite


@dataclass(frozen=True, slots=True)
class Window:
    """One look: from `start` up to `end` (seconds since 1970), with every verdict as JSON."""

    model: str
    release: str
    start: float
    end: float
    outcome: str
    verdicts: tuple[dict[str, Any], ...]
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Retraining:
    """One retraining; `trigger` names what started it, so that it starts once."""

    model: str
    trigger: str
    flow_run: str
    reason: str
    at: float = 0.0


class Windows:
    """The monitor's windows of one environment."""

    def __init__(self, store: Store, environment: str) -> None:
        self._store = store
        self.environment = environment

    def save(self, window: Window) -> None:
        """Write a window; a second look at the same one replaces the first."""
        with self._store.begin() as connection:
            connection.execute(
                delete(WINDOWS).where(
                    WINDOWS.c.environment == self.environment,
                    WINDOWS.c.model == window.model,
                    WINDOWS.c.release == window.release,
                    WINDOWS.c.end == window.end,
                )
            )
            connection.execute(
                insert(WINDOWS).values(
                    environment=self.environment,
                    model=window.model,
                    release=window.release,
                    end=window.end,
                    start=window.start,
                    outcome=window.outcome,
                    verdicts=finite(list(window.verdicts)),
                    at=self._store.clock(),
                )
            )

    def of(self, model: str) -> tuple[Window, ...]:
        """The windows of a model, oldest first."""
        where = (WINDOWS.c.environment == self.environment, WINDOWS.c.model == model)
        with self._store.begin() as connection:
            rows = connection.execute(select(WINDOWS).where(*where).order_by(WINDOWS.c.end)).all()
        return tuple(map(_window, rows))


class Retrainings:
    """The retrainings of one environment."""

    def __init__(self, store: Store, environment: str) -> None:
        self._store = store
        self.environment = environment

    def of(self, model: str) -> tuple[Retraining, ...]:
        """The retrainings of a model, oldest first."""
        with self._store.begin() as connection:
            return self._read(connection, model)

    def claim(
        self, wanted: Retraining, *, cooldown: float, budget: int, budget_seconds: float
    ) -> str | None:
        """Claim the right to start `wanted`: None when granted, otherwise why not.

        Granted once per trigger, not within `cooldown` seconds of the last one, and at most
        `budget` times in `budget_seconds`. Looking and writing are one transaction, so two
        monitors at once start one retraining.
        """
        with self._store.begin() as connection:
            refusal = self._refusal(connection, wanted, cooldown, budget, budget_seconds)
            if refusal is None:
                connection.execute(
                    insert(RETRAININGS).values(
                        environment=self.environment,
                        model=wanted.model,
                        trigger=wanted.trigger,
                        flow_run=wanted.flow_run,
                        reason=wanted.reason[:2000],
                        at=self._store.clock(),
                    )
                )
        return refusal

    def set_flow_run(self, model: str, trigger: str, flow_run: str) -> None:
        """Record which flow run a claimed retraining became."""
        with self._store.begin() as connection:
            connection.execute(
                RETRAININGS.update()
                .where(
                    RETRAININGS.c.environment == self.environment,
                    RETRAININGS.c.model == model,
                    RETRAININGS.c.trigger == trigger,
                )
                .values(flow_run=flow_run)
            )

    def _refusal(
        self,
        connection: Connection,
        wanted: Retraining,
        cooldown: float,
        budget: int,
        budget_seconds: float,
    ) -> str | None:
        now = self._store.clock()
        past = self._read(connection, wanted.model)
        if any(retraining.trigger == wanted.trigger for retraining in past):
            return f"{wanted.trigger} has started a retraining already"
        if past and now - past[-1].at < cooldown:
            ago = now - past[-1].at
            since, wait = _in_words(ago), _in_words(cooldown)
            return f"the last retraining was {since} ago, the cooldown is {wait}"
        recent = [retraining for retraining in past if now - retraining.at < budget_seconds]
        if len(recent) >= budget:
            return f"the budget of {budget} in {_in_words(budget_seconds)} is used up"
        return None

    def _read(self, connection: Connection, model: str) -> tuple[Retraining, ...]:
        where = (RETRAININGS.c.environment == self.environment, RETRAININGS.c.model == model)
        rows = connection.execute(
            select(RETRAININGS).where(*where).order_by(RETRAININGS.c.at)
        ).all()
        return tuple(Retraining(r.model, r.trigger, r.flow_run, r.reason, r.at) for r in rows)


def _in_words(seconds: float) -> str:
    """Seconds in the largest unit that they fill."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.0f} s"


def _window(row: Row[Any]) -> Window:
    return Window(
        row.model, row.release, row.start, row.end, row.outcome, tuple(row.verdicts), row.at
    )
