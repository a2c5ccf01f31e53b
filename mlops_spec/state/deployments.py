"""What is live: the releases of each model, their roles, ports and shares of traffic."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sqlalchemy import Row, delete, insert, select

from mlops_spec.state.store import Store
from mlops_spec.state.tables import DEPLOYMENTS

# production: answers users. candidate: in a rollout. previous: was production, ready to return.
# quarantined: rolled back, `reason` says why; never rolled out again unasked.
Role = Literal["production", "candidate", "previous", "quarantined"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One release of a model. `weight`: share of traffic, 0 to 1; `mirror`: gets copies of all."""

    model: str
    release: str
    run: str
    version: str
    role: Role
    weight: float = 0.0
    mirror: bool = False
    port: int | None = None
    reason: str = ""
    since: float = 0.0


def begins_afresh(release: Deployment | None) -> bool:
    """Whether a rollout of this release does all of its steps, whatever an earlier one recorded.

    One that was interrupted goes on; one that was rolled back, or served before, is judged anew.
    """
    return release is None or release.role in {"previous", "quarantined"}


class Deployments:
    """The releases of one environment."""

    def __init__(self, store: Store, environment: str) -> None:
        self._store = store
        self.environment = environment

    def all(self) -> tuple[Deployment, ...]:
        """Every release, by model, then oldest first."""
        query = (
            select(DEPLOYMENTS)
            .where(DEPLOYMENTS.c.environment == self.environment)
            .order_by(DEPLOYMENTS.c.model, DEPLOYMENTS.c.since, DEPLOYMENTS.c.release)
        )
        with self._store.begin() as connection:
            return tuple(map(_deployment, connection.execute(query).all()))

    def of(self, model: str) -> tuple[Deployment, ...]:
        return tuple(deployment for deployment in self.all() if deployment.model == model)

    def production(self, model: str) -> Deployment | None:
        return next((d for d in self.of(model) if d.role == "production"), None)

    def find(self, model: str, release: str) -> Deployment | None:
        return next((d for d in self.of(model) if d.release == release), None)

    def save(self, *deployments: Deployment) -> None:
        """Write these releases, all in one transaction; `since` moves when the role does."""
        known = {(d.model, d.release): d for d in self.all()}
        with self._store.begin() as connection:
            for wanted in deployments:
                before = known.get((wanted.model, wanted.release))
                moved = before is None or before.role != wanted.role
                saved = replace(wanted, since=self._store.clock()) if moved else wanted
                connection.execute(delete(DEPLOYMENTS).where(*self._is(wanted)))
                connection.execute(
                    insert(DEPLOYMENTS).values(environment=self.environment, **asdict(saved))
                )

    def remove(self, deployment: Deployment) -> None:
        with self._store.begin() as connection:
            connection.execute(delete(DEPLOYMENTS).where(*self._is(deployment)))

    def _is(self, deployment: Deployment) -> tuple[Any, ...]:
        return (
            DEPLOYMENTS.c.environment == self.environment,
            DEPLOYMENTS.c.model == deployment.model,
            DEPLOYMENTS.c.release == deployment.release,
        )


def _deployment(row: Row[Any]) -> Deployment:
    return Deployment(
        row.model, row.release, row.run, row.version, row.role, row.weight, bool(row.mirror),
        row.port, row.reason, row.since,
    )  # fmt: skip
