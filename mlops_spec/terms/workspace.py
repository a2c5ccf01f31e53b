"""Where everything of one environment lies on this machine: `.spec/<environment>/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths below the root; nothing is created here."""

    root: Path

    @classmethod
    def of(cls, project_root: Path, environment: str) -> Workspace:
        return cls(project_root / ".spec" / environment)

    @property
    def environment(self) -> str:
        return self.root.name

    @property
    def state(self) -> Path:
        return self.root / "state.db"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{(self.root / 'mlflow.db').resolve()}"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.root / "mlflow-artifacts"

    @property
    def prefect_home(self) -> Path:
        return self.root / "prefect"

    @property
    def bentoml_home(self) -> Path:
        return self.root / "bentoml"

    @property
    def envoy(self) -> Path:
        return self.root / "envoy"

    @property
    def supervisor(self) -> Path:
        return self.root / "supervisor"

    def snapshot(self, data_digest: str) -> Path:
        """The rows of a Dataset as they were, by digest: `rows.parquet` and `manifest.json`."""
        return self.root / "snapshots" / data_digest

    def run(self, run_id: str) -> Path:
        """What a training run made: model, evidence, per-row predictions of the held-out rows."""
        return self.root / "runs" / run_id

    def card(self, run_id: str) -> Path:
        """The model card of a run: what it is, what was decided, and why."""
        return self.run(run_id) / "card.html"

    def predictions(self, model: str, release: str) -> Path:
        """The prediction log of one release: Parquet files."""
        return self.root / "predictions" / model / release

    def facts(self, model: str) -> Path:
        """Counts of a model's held-out rows, for the warnings of `spec validate`: JSON."""
        return self.root / "facts" / f"{model}.json"

    def report(self, model: str) -> Path:
        """The monitor's page."""
        return self.root / "reports" / model
