"""Weights & Biases, where an environment asks for it: a second place to look, never one to rely on.

The gate and the registry are MLflow's. So whatever is wrong here (not installed, no key, no server)
is a warning, and the training goes on. The package starts servers of its own and waits for minutes
on a network that is gone: it runs in a process of its own, which is ended when its time is over.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.declare import Dataset, Recipe, Wandb
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.record import Record, newest, record_of
from mlops_spec.runtime.train.tracking import client_of
from mlops_spec.terms.digest import digest, finite

WITHIN: Final = 60.0  # seconds for all of it
STEP: Final = "track"
_LINK: Final = "mlops_spec.wandb"
# Its servers are usually somebody else's: rows, and the model, stay in the registry.
_SHOWN: Final = frozenset({"evaluation.json", "verdicts.json", "profile.json"})
# It reports nothing of this machine, of the code beside it, or of its own errors.
_QUIET: Final = {
    "DO_NOT_TRACK": "1",
    "WANDB_CONSOLE": "off",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_SILENT": "true",
}


def track(
    context: Context, dataset: Dataset, recipe: Recipe, run: str, wandb: Wandb, registry: str
) -> str:
    """Step `track`: show a run in Weights & Biases too; where, or a warning that starts with "not".

    Done once per run and verdicts. What could not be shown is tried again by the next training.
    """
    gated = newest(context, "gate", run)
    if gated is None:
        raise Refusal("MLS602", f"run {run} was not gated", "run the step `gate` first")
    key = digest(STEP, gated.digest, asdict(wandb))

    def work(_: object) -> Output:
        record = record_of(context, dataset, recipe, gated)
        place = WandbTracker(context, wandb, newest_link(context, run)).track(record)
        _link_back(context, registry, run, place)
        return {"place": place}

    try:
        return str(context.step(STEP, key, run, work)["place"])
    except Refusal as refusal:
        return f"not shown in Weights & Biases: {refusal.message}; {refusal.help}"


def newest_link(context: Context, run: str) -> str:
    """The MLflow run of a run, "" where there is none."""
    registered = newest(context, "register", run)
    return str(registered.output.get("tracked", "")) if registered else ""


def _link_back(context: Context, registry: str, run: str, place: str) -> None:
    tracked = newest_link(context, run)
    if tracked:
        with client_of(context, registry) as client:
            client.set_tag(tracked, _LINK, place)


@dataclass(frozen=True, slots=True)
class WandbTracker:
    """The `Tracker` of one environment. `mlflow` is the id of the run that it is a picture of."""

    context: Context
    wandb: Wandb
    mlflow: str = ""

    def track(self, record: Record) -> str:
        """The URL of the run, or the folder that `wandb sync` takes. `Refusal` says what to do."""
        _require_usable(self.wandb)
        folder = self.context.workspace.root / "wandb"
        id = digest("wandb", self.context.environment, self.context.model, record.run)
        # Offline, each attempt is a folder of its own; one that was cut off, or is older, goes.
        for old in folder.glob(f"wandb/offline-run-*-{id}"):
            shutil.rmtree(old)
        return _shown(folder, {**self._request(record), "id": id})

    def _request(self, record: Record) -> dict[str, Any]:
        tags = {name: value for name, value in record.tags.items() if value}
        found = {
            **asdict(self.wandb),
            "name": record.run,
            "group": self.context.model,
            "tags": [self.context.environment, record.tags["outcome"]],
            "config": {**record.params, **tags, "mlflow.run": self.mlflow},
            "metrics": {name.replace(".", "/"): value for name, value in record.metrics.items()},
            "verdicts": [dict(verdict) for verdict in record.verdicts],
            "files": [str(path.resolve()) for path in record.files if path.name in _SHOWN],
        }
        clean: dict[str, Any] = finite(found)
        return clean


def _require_usable(wandb: Wandb) -> None:
    if find_spec("wandb") is None:
        raise Refusal(
            "MLS605", "the package wandb is not installed", "pip install 'mlops-spec[wandb]'"
        )
    netrc = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    if wandb.mode == "online" and not os.environ.get("WANDB_API_KEY") and not netrc.is_file():
        raise Refusal(
            "MLS605",
            "WANDB_API_KEY is not set where the flows run",
            "export it, then `spec down` and `spec apply`; or set tracking.wandb.mode: offline",
        )


def _shown(folder: Path, request: Mapping[str, Any]) -> str:
    """What the process says about where the run is; with its servers it ends in time."""
    folder.mkdir(parents=True, exist_ok=True)
    places = {
        name: str(folder / name.rpartition("_")[0].lower())
        for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")
    }
    argv = (sys.executable, "-m", "mlops_spec.runtime.train.wandb_process", str(folder))
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        argv, env={**os.environ, **_QUIET, **places}, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        said, errors = process.communicate(json.dumps(request), timeout=WITHIN)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Refusal(
            "MLS605", f"its server did not answer within {WITHIN:g} s", "look at the network"
        ) from error
    if process.returncode != 0:
        lines = (errors.strip() or "it ended without a word").splitlines()
        raise Refusal("MLS605", lines[-1][:300], "look at the key, the project and the network")
    return str(json.loads(said.splitlines()[-1])["place"])
