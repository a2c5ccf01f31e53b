"""Where a model comes from, besides its data: the code's revision, the installed packages."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path


def revision(root: Path) -> dict[str, str]:
    """The commit of the project, whether files differ from it; "unknown" without a repository."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {"code_revision": "unknown", "code_dirty": "unknown"}
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"code_revision": commit, "code_dirty": str(changes != "").lower()}


def environment() -> str:
    """What is installed, in the form of a requirements file."""
    found = {f"{dist.name}=={dist.version}" for dist in distributions() if dist.name}
    header = f"# Python {platform.python_version()} on {platform.system()} {platform.machine()}\n"
    return header + "\n".join(sorted(found, key=str.lower)) + "\n"


def _git(root: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() if found.returncode == 0 else None
