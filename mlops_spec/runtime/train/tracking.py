"""The connection to MLflow, with its failures turned into what a user can act on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.refusal import Refusal

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
