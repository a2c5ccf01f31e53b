"""Summer arrives: its flights are asked about, then their truth lands.

Every flight of these weeks is sent to the service as its users would ask before departure. When
all are answered, the weeks' files are put where the Dataset reads them, as labels that have
arrived; the monitor joins them with the predictions by `flight_id`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import prepare
from rich.progress import Progress

from mlops_spec.runtime.machine.ports import remembered
from mlops_spec.runtime.rollout.replay import Replay
from mlops_spec.terms.workspace import Workspace

HERE = Path(__file__).resolve().parent
ROWS_A_REQUEST = 25
REQUESTS_A_SECOND = 100.0


def main() -> int:
    arguments = _arguments()
    first, last = arguments.weeks
    landing = HERE / "data" / "landing"
    prepare.main(["--weeks", f"{first}-{last}", "--out", str(landing)])
    files = [landing / f"2013-W{week:02}.parquet" for week in range(first, last + 1)]
    flights = pd.concat([pd.read_parquet(file) for file in files])
    failed = _ask(flights)
    for file in files:
        file.replace(HERE / "data" / "flights" / file.name)
    print(f"{len(flights):,} flights asked about, {failed} requests failed; their truth has landed")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weeks", type=prepare.weeks, required=True, help="such as 23-27")
    return parser.parse_args()


def _ask(flights: pd.DataFrame) -> int:
    """Send every flight, without its label; how many requests were not answered with 200."""
    port = remembered(Workspace.of(HERE, "local"))["router"]
    bodies = list(_bodies(flights.drop(columns="late")))
    url = f"http://127.0.0.1:{port}/flight-delay/predict"
    started = time.monotonic()
    with Replay(url, bodies, REQUESTS_A_SECOND, count=len(bodies)) as running, Progress() as shown:
        task = shown.add_task("asking", total=len(bodies))
        while not shown.finished:
            running.wait(time.monotonic() - started + 0.5)
            shown.update(task, completed=len(running.report().sent))
    return sum(one.code != 200 for one in running.report().sent)


def _bodies(flights: pd.DataFrame) -> list[bytes]:
    """Requests of several rows each; what is missing is null, a time is ISO 8601."""
    records: list[dict[str, Any]] = json.loads(flights.to_json(orient="records", date_format="iso"))
    return [
        json.dumps({"rows": records[start : start + ROWS_A_REQUEST]}).encode()
        for start in range(0, len(records), ROWS_A_REQUEST)
    ]


if __name__ == "__main__":
    sys.exit(main())
