"""What the tests of batch find ready: one portable model, and a place where it serves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlops_spec.runtime.context import Context


@pytest.fixture(scope="session")
def exported_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The folder of a portable model, and the pipeline that it was made of. Nobody changes it."""
    from batch_world import exported

    folder = tmp_path_factory.mktemp("model")
    return folder, exported(folder)


@pytest.fixture
def serving_place(tmp_path: Path, exported_model: tuple[Path, Any]) -> Context:
    """Production serves the model."""
    from batch_world import serving

    return serving(tmp_path, exported_model[0])


@pytest.fixture
def place(serving_place: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Production serves the model; chunks are of 100 rows."""
    from mlops_spec.runtime.batch import job

    monkeypatch.setattr(job, "CHUNK_ROWS", 100)
    return serving_place
