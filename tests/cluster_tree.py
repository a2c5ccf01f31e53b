"""The objects of the example's production environment, as they are rendered."""

from __future__ import annotations

from pathlib import Path

import yaml

from mlops_spec.runtime.cluster.objects import Object

TREE = Path(__file__).parents[1] / "examples" / "flights" / "generated" / "production"
MODEL = "flight-delay"


def rendered() -> list[Object]:
    """All of them, the namespace too."""
    files = [TREE / "namespace.yaml", *sorted((TREE / MODEL / "kubernetes").glob("*.yaml"))]
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
