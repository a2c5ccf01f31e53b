"""Platforms that several stories share: real servers, started once and ended with `spec down`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_model import write_project
from stories import UsersProject


@contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """A disk of 300 MB at `place`; False where this user may not mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=300m,mode=0700", "tmpfs", str(place)]
    mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            # Lazily: a file that is still open goes when it is closed.
            subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session")
def shared_trips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UsersProject]:
    """A small model in production, on a platform and, where that is possible, a disk of its own."""
    place = tmp_path_factory.mktemp("trips")
    with small_disk(place) as disk:
        write_project(place)
        project = UsersProject(place, disk=disk)
        try:
            project.apply()
            yield project
        finally:
            project.close()


@pytest.fixture
def trips(shared_trips: UsersProject) -> UsersProject:
    """The small model again as it was last applied well, whatever the story before left behind."""
    shared_trips.restore()
    shared_trips.apply()
    return shared_trips
