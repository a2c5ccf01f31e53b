"""A small model of a user's own: three thousand trips with a known signal, short steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

PROJECT = """\
project: trips
language: 1
environments:
  local:
    serve: {on: processes, router: envoy}
    registry: sqlite
    orchestrator: prefect
    traffic: replay
"""

SPECS = """\
kind: Dataset
name: trips
source: {csv: "data/*.csv"}
key: trip_id
label: {column: late}
columns:
  trip_id:  {type: category}
  distance: {type: float, min: 0, max: 5000}
  load:     {type: float}
  zone:     {type: category, values: [north, south]}
  late:     {type: boolean}
split: {by: random, test: 30%, validation: 10%}
---
kind: Model
name: trip
description: Will this trip arrive late?
dataset: trips
task: binary
features: [distance, load, zone]
train:
  estimator: sklearn.linear_model.LogisticRegression
  params: {}
  seed: 0
gates: [trip]
serve: {timeout: 2s}
rollout: trip
monitor: trip
---
kind: Gates
name: trip
metrics: {roc_auc: {min: 0.7}}
production: {roc_auc: {hypothesis: non_inferiority, margin: 5pp}}
---
kind: Rollout
name: trip
shadow: {min_requests: 150, agreement: {min: 80%}, at_most: 2m}
canary:
  steps: [20%, 100%]
  each: {min_requests: 150, at_most: 2m}
abort_when: {errors: {above: 5%}, p99: {above: 2s}, score_shift: {above: 0.3}}
---
kind: Drift
name: trip
schedule: "0 0 1 1 *"
min_rows: 100
"""

# An estimator of the user's own, found beside mlops.yaml. It learns as well as any, and behaves
# until the service has seen its first requests: nothing before the canary can notice.
FLAKY = '''\
import time

from sklearn.linear_model import LogisticRegression


class Flaky(LogisticRegression):
    """Fails on, or is slow for, every `every`-th small frame after the first 60."""

    def __init__(self, fails=False, sleeps=0.0, every=3, random_state=None):
        super().__init__(random_state=random_state)
        self.fails = fails
        self.sleeps = sleeps
        self.every = every

    def predict_proba(self, X):
        if len(X) == 1:
            self.seen_ = getattr(self, "seen_", 0) + 1
            if self.seen_ > 60 and self.seen_ % self.every == 0:
                time.sleep(self.sleeps)
                if self.fails:
                    raise RuntimeError("this estimator is broken")
        return super().predict_proba(X)
'''

ROW = {"trip_id": "asked", "distance": 900.0, "load": 0.5, "zone": "north"}


def write_project(root: Path) -> None:
    """All that a user has before the first apply."""
    (root / "specs").mkdir(parents=True)
    (root / "mlops.yaml").write_text(PROJECT)
    (root / "specs" / "trip.yaml").write_text(SPECS)
    (root / "flaky.py").write_text(FLAKY)
    write_trips(root / "data" / "trips.csv", 3000)


def write_trips(path: Path, rows: int, seed: int = 1) -> None:
    """Trips that are late when they are far, loaded or to the north."""
    random = np.random.default_rng(seed)
    distance, load = random.uniform(0, 2000, rows), random.normal(size=rows)
    zone = random.choice(["north", "south"], rows)
    logit = (distance - 1000) / 400 + 1.5 * load + (zone == "north")
    late = random.uniform(size=rows) < 1 / (1 + np.exp(-logit))
    lines = [
        f"{i},{distance[i]:.3f},{load[i]:.4f},{zone[i]},{str(late[i]).lower()}" for i in range(rows)
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["trip_id,distance,load,zone,late", *lines]) + "\n")
