"""Every kind of document, in one table."""

from __future__ import annotations

from typing import Final

from mlops_spec.model.spec.base import SpecModel
from mlops_spec.model.spec.dataset import DatasetSpec
from mlops_spec.model.spec.drift import DriftSpec
from mlops_spec.model.spec.gates import GatesSpec
from mlops_spec.model.spec.model import ModelSpec
from mlops_spec.model.spec.rollout import RolloutSpec

Spec = DatasetSpec | ModelSpec | GatesSpec | RolloutSpec | DriftSpec

KINDS: Final[dict[str, type[SpecModel]]] = {
    "Dataset": DatasetSpec,
    "Model": ModelSpec,
    "Gates": GatesSpec,
    "Rollout": RolloutSpec,
    "Drift": DriftSpec,
}
