"""The rendered trees, once for all contracts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from promtool_path import find
from trees import projects, rendered

from mlops_spec.model.files import FileSet


@pytest.fixture(scope="session")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, FileSet]:
    """By `project/environment`."""
    root = tmp_path_factory.mktemp("trees")
    return {
        f"{name}/{environment}": files
        for name, folder in projects(root)
        for environment, files in rendered(folder)
    }


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own tool, which no package of Python's registry brings."""
    return find()
