"""Requests a second, latency, memory and cold start of services with the same model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import servers
from load import CLIENTS, generator, load, rate
from measure import Measure, Sample, Table, Way, in_turns
from models import Trained, forest
from servers import ALONE_NAME, BARE_NAME, Server, named

ROUNDS = 3
ROWS = 200  # different rows that are asked about, one a request
MANY = 100  # rows in one request
MEASURES = (
    Measure("rate", "requests/s", more_is_better=True),
    Measure("p50", "ms"),
    Measure("p99", "ms"),
    Measure("p99 ½", "ms"),
    Measure(f"{MANY} rows", "× one row"),
    Measure("memory", "MB"),
    Measure("cold start", "s"),
)


def run(place: Path, _: Path | None) -> Iterator[Table]:
    trained = forest()
    compared = (
        servers.bare(place),
        *servers.ours(place, trained, (1, 2)),
        servers.bare(place, 2),
        servers.bare_alone(place),
        servers.fastapi(place, trained),
        servers.bentoml(place, trained),
        servers.mlflow(place, trained),
    )
    ways = [Way(server.name, _once(server, trained, place)) for server in compared]
    samples = in_turns(ways, ROUNDS, warm_up=False)
    yield Table(
        topic="serving",
        title=f"{trained.title}, one row a request, {CLIENTS} clients",
        measures=MEASURES,
        bases=("FastAPI snippet", named(BARE_NAME, 1), ALONE_NAME),
        # Each service is warmed up by requests of its own after every start.
        samples=samples,
        notes=(
            generator(),
            "FastAPI, BentoML and MLflow with scikit-learn; bare ASGI has no model; ours logs",
            "bare ASGI and ours on uvloop and httptools; uvicorn alone on asyncio and h11",
            "each round starts the service anew; memory is PSS after the load",
            "p99 ½: at about half of the rate before, connections that pause",
            f"{MANY} rows: how many requests of one row could be answered instead of one of {MANY}",
            f"load average at the end: {os.getloadavg()[0]:.1f}",
        ),
    )


def _once(server: Server, trained: Trained, place: Path) -> Callable[[], Sample]:
    bodies = [json.dumps(server.body(row)).encode() for row in trained.records[:ROWS]]
    many = json.dumps({"rows": trained.records[:MANY]}).encode()

    def once() -> Sample:
        with servers.started(server, bodies[0]) as running:
            found = dict(load(running.url, bodies, place))
            if server.many:
                found[f"{MANY} rows"] = found["rate"] / rate(running.url, [many], place)
            return {**found, "memory": running.memory(), "cold start": running.cold}

    return once
