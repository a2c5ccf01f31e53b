"""The connection to MLflow, with its failures turned into what a user can act on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.record import RUN_TAG, VERDICTS, Record

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SQLITE: Final = "sqlite"
LOCK_WAIT: Final = 10.0  # seconds
_SETTINGS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # The defaults wait for minutes before they say that no server answers.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


@contextmanager
def client_of(context: Context, registry: str) -> Iterator[MlflowClient]:
    """MLflow on a file of the workspace (`sqlite`) or at a URL. `Refusal` MLS605 or MLS606."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    uri = context.workspace.mlflow_uri if registry == SQLITE else registry
    if registry == SQLITE:
        _require_free(context)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except (MlflowException, SQLAlchemyError) as error:
        raise _refusal(registry, error) from error


def experiment_of(client: MlflowClient, context: Context, registry: str) -> str:
    """The id of the model's experiment, made when missing."""
    found: Any = client.get_experiment_by_name(context.model)
    if found is not None:
        return str(found.experiment_id)
    if registry != SQLITE:
        return str(client.create_experiment(context.model))
    place = context.workspace.mlflow_artifacts.resolve() / context.model
    return str(client.create_experiment(context.model, artifact_location=place.as_uri()))


def _require_free(context: Context) -> None:
    """MLflow retries a locked file for minutes; ask first, and wait seconds."""
    path = context.workspace.root / "mlflow.db"
    if not path.exists():
        context.workspace.root.mkdir(parents=True, exist_ok=True)
        return
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_WAIT)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.DatabaseError as error:
        locked = "locked" in str(error)
        raise Refusal(
            "MLS606",
            f"MLflow's file {path} cannot be used: {error}",
            "another program holds it; end that program, then run the same command again"
            if locked
            else "it is damaged or not SQLite; move it away and run again, or restore it",
            transient=locked,
        ) from error


def _refusal(registry: str, error: Exception) -> Refusal:
    cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if registry == SQLITE:
        return Refusal(
            "MLS606",
            f"MLflow refused: {cause}",
            "look at the disk and at .spec/<environment>/mlflow.db",
        )
    return Refusal(
        "MLS605",
        f"MLflow at {registry} refused: {cause}",
        "look at the server and at `registry` in mlops.yaml, then run the same command again",
        transient=True,
    )


@dataclass(frozen=True, slots=True)
class MlflowTracker:
    """The `Tracker` that gates and rollouts rely on; the registry's versions refer to its runs."""

    client: MlflowClient
    experiment: str

    def track(self, record: Record) -> str:
        """The id of the MLflow run. Its verdicts and tags are those of the newest gating."""
        tracked = self._run(record)
        name: str = tracked.info.run_id
        if tracked.info.status != "FINISHED":
            self._log(name, record)
        for tag, value in record.tags.items():
            self.client.set_tag(name, tag, value)
        for path in record.files:
            if path.name == VERDICTS:
                self.client.log_artifact(name, str(path))
        self.client.set_terminated(name)
        return name

    def _run(self, record: Record) -> Any:
        """The MLflow run of this training run, made once."""
        where = f"tags.`{RUN_TAG}` = '{record.run}'"
        found = self.client.search_runs([self.experiment], where, max_results=1)
        if found:
            return found[0]
        return self.client.create_run(self.experiment, run_name=record.run, tags=dict(record.tags))

    def _log(self, name: str, record: Record) -> None:
        from mlflow.entities import Metric, Param

        at = round(record.at * 1000)
        self.client.log_batch(
            name,
            metrics=[Metric(metric, value, at, 0) for metric, value in record.metrics.items()],
            params=[Param(param, value) for param, value in record.params.items()],
        )
        self.client.log_text(name, record.environment, "environment.txt")
        for path in record.files:
            if path.is_dir():
                self.client.log_artifacts(name, str(path), path.name)
            else:
                self.client.log_artifact(name, str(path))
