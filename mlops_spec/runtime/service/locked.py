"""Requirements with their digests: read from a locked file, or resolved by pip for a few more."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

RESOLVED_WITHIN: Final = 120.0  # seconds
_ENTRY: Final = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)((?:.*\\\n)*.*)$", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]+)")
_log: Final = logging.getLogger("mlops_spec.serving")


@dataclass(frozen=True, slots=True)
class Locked:
    """A package in one version. `sha256`: of each file that may be installed; empty: unknown."""

    name: str
    version: str
    sha256: tuple[str, ...] = ()


def normal(name: str) -> str:
    """The name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_locked(text: str) -> tuple[Locked, ...]:
    """The packages of a requirements file as pip-tools and uv write it."""
    return tuple(
        Locked(found[1], found[2], tuple(_HASH.findall(found[3])))
        for found in _ENTRY.finditer(text)
    )


def write_locked(packages: Sequence[Locked], into: Path) -> None:
    """With digests only where all have them: pip takes a file of both for a mistake."""
    hashed = all(package.sha256 for package in packages)
    lines = []
    for package in packages:
        digests = [f" --hash=sha256:{found}" for found in package.sha256] if hashed else []
        lines.append(" \\\n   ".join([f"{package.name}=={package.version}", *digests]))
    into.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def resolved(wanted: Sequence[str], locked: Sequence[Locked]) -> tuple[Locked, ...]:
    """What `wanted` (`name==version`) needs beyond `locked`, each with its digest.

    pip asks its index which files it would install here, and installs nothing. Where it cannot, as
    without a network, the wanted ones are returned without digests, and the log says why.
    """
    if not wanted:
        return ()
    try:
        found = _asked(wanted, locked)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        _log.warning("no digests for %s: %s", ", ".join(wanted), said[-1] if said else error)
        pairs = (line.split("==") for line in wanted)
        return tuple(Locked(name, version) for name, version in pairs)
    known = {normal(package.name) for package in locked}
    return tuple(package for package in found if normal(package.name) not in known)


def _asked(wanted: Sequence[str], locked: Sequence[Locked]) -> list[Locked]:
    with tempfile.TemporaryDirectory(prefix="mlops-spec-") as place:
        constraints, report = Path(place, "constraints.txt"), Path(place, "report.json")
        constraints.write_text("".join(f"{p.name}=={p.version}\n" for p in locked))
        argv = (
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
            "--disable-pip-version-check", "--only-binary", ":all:", "--no-input",
            "--constraint", str(constraints), "--report", str(report), *wanted,
        )  # fmt: skip
        subprocess.run(  # noqa: S603 - our own interpreter; names and versions are installed ones
            argv, check=True, capture_output=True, text=True, timeout=RESOLVED_WITHIN
        )
        return sorted(map(_said, json.loads(report.read_text())["install"]), key=lambda p: p.name)


def _said(item: dict[str, Any]) -> Locked:
    about, digests = item["metadata"], item["download_info"]["archive_info"]["hashes"]
    return Locked(normal(about["name"]), about["version"], (digests["sha256"],))
