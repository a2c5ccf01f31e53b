"""What a rendered file says, as literals: plain frozen values, no pydantic, no behaviour."""

from mlops_spec.runtime.declare.batch import Folder, Table
from mlops_spec.runtime.declare.cluster import Cluster
from mlops_spec.runtime.declare.data import (
    Column,
    ColumnType,
    Csv,
    Dataset,
    Parquet,
    Recipe,
    Split,
    Sql,
    Task,
)
from mlops_spec.runtime.declare.gates import (
    Against,
    AtLeast,
    AtMost,
    Calibrated,
    Consistent,
    Disparity,
    Fair,
    Gate,
    Gates,
    Latency,
    Leakage,
    ModelSize,
    Segments,
    Stable,
)
from mlops_spec.runtime.declare.monitor import Drift, Retrain
from mlops_spec.runtime.declare.rollout import (
    CanaryStep,
    Limits,
    Service,
    Shadow,
    Signing,
    Trust,
)
from mlops_spec.runtime.declare.tracking import Wandb

__all__ = [
    "Against",
    "AtLeast",
    "AtMost",
    "Calibrated",
    "CanaryStep",
    "Cluster",
    "Column",
    "ColumnType",
    "Consistent",
    "Csv",
    "Dataset",
    "Disparity",
    "Drift",
    "Fair",
    "Folder",
    "Gate",
    "Gates",
    "Latency",
    "Leakage",
    "Limits",
    "ModelSize",
    "Parquet",
    "Recipe",
    "Retrain",
    "Segments",
    "Service",
    "Shadow",
    "Signing",
    "Split",
    "Sql",
    "Stable",
    "Table",
    "Task",
    "Trust",
    "Wandb",
]
