"""Where runs are shown besides MLflow, as literals of rendered flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Wandb:
    """A project of Weights & Biases. `offline`: files in the workspace, for `wandb sync`."""

    project: str
    entity: str = ""
    mode: Literal["online", "offline"] = "online"
