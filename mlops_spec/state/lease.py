"""A lock that is a lease: a killed holder loses it, at once when it was on this host."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from mlops_spec.state.store import StateUnusable, Store
from mlops_spec.state.tables import LEASES

TTL: Final = 30.0
# How often a holder renews its lease in the time that it is good for.
_RENEWALS: Final = 4
# Seconds between two renewals: whoever lives shows it within them.
HEARTBEAT: Final = TTL / _RENEWALS


class LeaseHeld(Exception):
    """Somebody else holds the lease; the message says who, since when, and what to do."""


class Lease:
    """`with Lease(store, "apply/local", "spec apply"):` holds the lease and renews it meanwhile."""

    def __init__(self, store: Store, name: str, purpose: str, ttl: float = TTL) -> None:
        self._store = store
        self._name = name
        self._purpose = purpose
        self._ttl = ttl
        self._holder = uuid.uuid4().hex
        self._stop = threading.Event()
        self._renewal = threading.Thread(target=self._keep_renewing, daemon=True)
        self.lost = False

    def __enter__(self) -> Self:
        with self._store.begin() as connection:
            self._take(connection)
        self._renewal.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._stop.set()
        self._renewal.join()
        with self._store.begin() as connection:
            connection.execute(delete(LEASES).where(LEASES.c.holder == self._holder))

    def _take(self, connection: Connection) -> None:
        now = self._store.clock()
        row = connection.execute(select(LEASES).where(LEASES.c.name == self._name)).first()
        if row is not None and row.expires_at > now and not _is_dead(row.host, row.pid):
            raise LeaseHeld(
                f"{row.purpose} (process {row.pid} on {row.host}) holds {self._name!r} for "
                f"{now - row.acquired_at:.0f} s; wait for it, or end that process: the lease ends "
                f"{row.expires_at - now:.0f} s after it"
            )
        connection.execute(delete(LEASES).where(LEASES.c.name == self._name))
        connection.execute(
            insert(LEASES).values(
                name=self._name,
                holder=self._holder,
                host=socket.gethostname(),
                pid=os.getpid(),
                purpose=self._purpose,
                acquired_at=now,
                expires_at=now + self._ttl,
            )
        )

    def _keep_renewing(self) -> None:
        while not self._stop.wait(self._ttl / _RENEWALS):
            try:
                with self._store.begin() as connection:
                    renewed = connection.execute(
                        LEASES.update()
                        .where(LEASES.c.name == self._name, LEASES.c.holder == self._holder)
                        .values(expires_at=self._store.clock() + self._ttl)
                    )
            except StateUnusable:
                continue  # a busy or full disk now may be fine at the next renewal
            if renewed.rowcount == 0:
                self.lost = True
                return


class Presence(Lease):
    """`with Presence(store, "model/local/churn/batch", "batch"):` shows that a process works.

    It keeps nobody away: any number of processes may be present under one name.
    """

    def __init__(self, store: Store, name: str, purpose: str, ttl: float = TTL) -> None:
        super().__init__(store, f"{name}/{uuid.uuid4().hex[:8]}", purpose, ttl)
        self._shared = name

    def _take(self, connection: Connection) -> None:
        # No successor has the name of a killed process, and so none would take its place.
        ended = LEASES.c.expires_at <= self._store.clock()
        connection.execute(delete(LEASES).where(_under(self._shared), ended))
        super()._take(connection)


def present_at(store: Store, name: str) -> str | None:
    """Who shows under a name that work goes on, or None when nobody does."""
    with store.begin() as connection:
        names = connection.scalars(select(LEASES.c.name).where(_under(name))).all()
    return next(filter(None, (holder_of(store, found) for found in names)), None)


def _under(name: str) -> ColumnElement[bool]:
    return LEASES.c.name.startswith(f"{name}/", autoescape=True)


def holder_of(store: Store, name: str) -> str | None:
    """What holds a lease right now, or None when it is free."""
    with store.begin() as connection:
        row = connection.execute(select(LEASES).where(LEASES.c.name == name)).first()
    if row is None or row.expires_at <= store.clock() or _is_dead(row.host, row.pid):
        return None
    return f"{row.purpose} (process {row.pid} on {row.host})"


def _is_dead(host: str, pid: int) -> bool:
    """Whether a holder on this host is gone; a holder on another host is taken to live."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether only the entry of a killed process is left: no parent has asked how it ended.

    In a container whose first process asks nobody, such an entry stays.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # not Linux
    # The name, in parentheses, may hold anything; the state is the letter behind the last one.
    return stat.rpartition(")")[2].split()[0] == "Z"
