"""The program that makes images here: docker, podman or buildah, whichever answers."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mlops_spec.runtime.refusal import Refusal

Name = Literal["docker", "podman", "buildah"]

# What each is asked to find out whether it works: docker's client alone makes nothing.
_ASKED: Final[Mapping[Name, tuple[str, ...]]] = {
    "docker": (
        "version",
        "--format",
        "{{.Server.Version}} {{range .Server.Components}}{{.Name}}, {{end}}",
    ),
    "podman": ("--version",),
    "buildah": ("--version",),
}
CHOICE: Final = "MLOPS_SPEC_ENGINE"
BASE_IMAGE: Final = "MLOPS_SPEC_BASE_IMAGE"
ARGUMENTS: Final = "MLOPS_SPEC_BUILD_ARGUMENTS"
_ANSWERS_WITHIN: Final = 15.0  # seconds
_INSTALL: Final = (
    "install one of docker, podman and buildah (apt-get install podman), or build it elsewhere"
)


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that answers. `dated`: seconds since 1970 that all of an image is said to be of."""

    name: Name
    version: str
    dated: int = 0

    @property
    def podmans(self) -> bool:
        """Whether it builds as podman does: without a daemon, in either image format."""
        return self.name != "docker"


def find_engine(environ: Mapping[str, str] = os.environ) -> Engine:
    """The first that answers, or the one that MLOPS_SPEC_ENGINE names.

    `Refusal` MLS630 says of each why it is not used.
    """
    wanted = environ.get(CHOICE, "")
    unknown = wanted and wanted not in _ASKED
    names = [name for name in _ASKED if name == wanted or not wanted]
    missed = [f"{CHOICE}={wanted}: it is none of {', '.join(_ASKED)}"] if unknown else []
    for name in names:
        found = _answer(name)
        if isinstance(found, Engine):
            return Engine(name, found.version, int(environ.get("SOURCE_DATE_EPOCH", "0")))
        missed.append(f"{name}: {found}")
    raise Refusal("MLS630", "nothing here can make an image", _INSTALL, tuple(missed))


def _answer(name: Name) -> Engine | str:
    """The engine, or why it is none."""
    if shutil.which(name) is None:
        return "not installed"
    works, said = _said(name, *_ASKED[name])
    if not works:
        return said
    if name == "docker" and "Podman" in said:
        return "its daemon is podman's, which builds nothing that lends secrets; podman itself does"
    if name == "docker" and not _said(name, "build", "--help")[0]:
        return "its client lacks buildx (apt-get install docker-buildx or docker-buildx-plugin)"
    return Engine(name, said.partition(" ")[0] if name == "docker" else said)


def _said(name: Name, *arguments: str) -> tuple[bool, str]:
    """Whether a command works, and its first line; or why not."""
    environ = {**os.environ, "DOCKER_BUILDKIT": "1"}  # as it is built with
    try:
        done = subprocess.run(  # noqa: S603 - a name and arguments from the table above
            (name, *arguments), capture_output=True, text=True, timeout=_ANSWERS_WITHIN,
            check=False, env=environ,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"does not answer ({type(error).__name__})"
    if done.returncode != 0:
        return False, (done.stderr.strip().splitlines() or ["does not answer"])[-1]
    return True, ((done.stdout or done.stderr).strip().splitlines() or [""])[0]


def pip_settings(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The pip.conf of who builds, which is lent to the build and left out of the image."""
    places = (
        environ.get("PIP_CONFIG_FILE", ""), "~/.config/pip/pip.conf", "~/.pip/pip.conf",
        "/etc/pip.conf",
    )  # fmt: skip
    found = (Path(place).expanduser() for place in places if place)
    return next((place for place in found if place.is_file()), None)
