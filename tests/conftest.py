"""What every test may use. The folder itself is importable, so that tests share `language`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's business: it is busy with other tests and servers.
settings.register_profile("machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first, then slow ones, then those that start servers; random within each."""
    items.sort(key=lambda item: bool(item.get_closest_marker("slow")))
    items.sort(key=lambda item: bool(item.get_closest_marker("e2e")))
