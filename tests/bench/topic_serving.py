"""Requests a second, latency, memory and cold start of services with the same model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import servers
from load import CLIENTS, generator, load
from measure import Measure, Sample, Table, Way, in_turns
from models import Trained, flights, forest
from servers import Server

ROUNDS = 3
ROWS = 200  # different rows that are asked about, one a request
MEASURES = (
    Measure("rate", "requests/s", more_is_better=True),
    Measure("p50", "ms"),
    Measure("p99", "ms"),
    Measure("memory", "MB"),
    Measure("cold start", "s"),
)


def run(place: Path, _: Path | None) -> Iterator[Table]:
    for trained in (flights(), forest()):
        compared = (
            servers.ours(place, trained),
            servers.fastapi(place, trained),
            servers.bentoml(place, trained),
            servers.bare(place),
        )
        ways = [Way(server.name, _once(server, trained, place)) for server in compared]
        yield Table(
            topic="serving",
            title=f"{trained.title}, one row a request, {CLIENTS} clients, 1 worker",
            measures=MEASURES,
            bases=("FastAPI + scikit-learn", "bare ASGI, no model"),
            # Each service is warmed up by requests of its own after every start.
            samples=in_turns(ways, ROUNDS, warm_up=False),
            notes=(generator(), "each round starts the service anew; memory is PSS after the load"),
        )


def _once(server: Server, trained: Trained, place: Path) -> Callable[[], Sample]:
    bodies = [json.dumps(server.body(row)).encode() for row in trained.records[:ROWS]]

    def once() -> Sample:
        with servers.started(server, bodies[0]) as running:
            found = load(running.url, bodies, place)
            return {**found, "memory": running.memory(), "cold start": running.cold}

    return once
