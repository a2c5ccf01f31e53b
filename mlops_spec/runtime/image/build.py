"""Building the image of a packaged release, whose folder is the whole context."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mlops_spec.runtime.image.engine import ARGUMENTS, BASE_IMAGE, Engine, pip_settings
from mlops_spec.runtime.image.troubles import explained

Heard = Callable[[str], None]  # gets a line of the engine's, as it says it

# `STEP 3/12: RUN …` of podman, `[2/2] STEP …` of buildah, `#7 [packages 4/6] RUN …` of docker.
STEP: Final = re.compile(r"STEP \d+/\d+: (\S+)|^#\d+ \[.*\d+/\d+\] (\S+)")
_KEPT_LINES: Final = 25


@dataclass(frozen=True, slots=True)
class Built:
    """An image that this machine has. `size` in bytes, of all its layers unpacked."""

    tag: str
    id: str
    size: int


def build(
    engine: Engine, folder: Path, tag: str, heard: Heard = lambda _: None, *, pushed: bool = False
) -> Built:
    """The image of `folder` under `tag`. The same folder gives the same layers.

    `pushed`: whether it goes to a registry, as a digest that says what is in it and not where it
    was built. An engine that was killed left no image under that tag; what it had finished, it
    does not do again. `Refusal` MLS630 or MLS604 says why it failed, with the engine's last lines.
    """
    told(engine, build_command(engine, folder, tag, pushed=pushed), heard, doing="build")
    asked = (engine.name, "inspect", "--format", _ABOUT[engine.name], tag)
    if engine.name == "buildah":
        asked = (engine.name, "images", "--format", "{{.ID}} {{.Size}}", tag)
    image, size = told(engine, asked, doing="build")[-1].split(maxsplit=1)
    return Built(tag, image.removeprefix("sha256:"), _bytes(size))


_ABOUT: Final = {
    "docker": "{{.Id}} {{.Size}}", "podman": "{{.Id}} {{.Size}}", "buildah": "",
}  # fmt: skip


def build_command(
    engine: Engine, folder: Path, tag: str, *, pushed: bool = False
) -> tuple[str, ...]:
    """What is run. MLOPS_SPEC_BUILD_ARGUMENTS adds to it, such as a proxy or a mounted mirror."""
    argv = [engine.name, "build", "--tag", tag, f"--build-arg=SOURCE_DATE_EPOCH={engine.dated}"]
    if engine.podmans:
        # docker's has the health check, and the name of the container that it was built in; OCI's
        # has neither, and a cluster, for which it is pushed, asks /readyz by itself.
        form = "oci" if pushed else "docker"
        argv += [f"--format={form}", "--layers", f"--timestamp={engine.dated}"]
        argv += ["--identity-label=false"]  # no version of the engine's either
    else:
        argv += ["--progress=plain"]
    if base := os.environ.get(BASE_IMAGE):
        argv.append(f"--build-arg=BASE_IMAGE={base}")
    if settings := pip_settings():
        argv.append(f"--secret=id=pip,src={settings}")
    if "SOURCE_DATE_EPOCH" in os.environ:
        created = datetime.fromtimestamp(engine.dated, UTC).isoformat()
        argv.append(f"--label=org.opencontainers.image.created={created}")
    return (*argv, *shlex.split(os.environ.get(ARGUMENTS, "")), str(folder))


def told(
    engine: Engine, argv: Sequence[str], heard: Heard = lambda _: None, *, doing: str
) -> list[str]:
    """The last lines that a command said. `Refusal` when it failed."""
    environ = {
        **os.environ, "DOCKER_BUILDKIT": "1", "SOURCE_DATE_EPOCH": str(engine.dated),
    }  # fmt: skip
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(  # noqa: S603 - a known engine, our own arguments
        argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace",
    ) as process:  # fmt: skip
        try:
            for line in process.stdout or ():
                last.append(line.rstrip())
                heard(line.rstrip())
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise explained(engine.name, doing, [line for line in last if line.strip()])
    return [line for line in last if line.strip()]


def step_of(line: str) -> str:
    """The instruction that a line of a build is about; "" for any other line."""
    found = STEP.search(line)
    return next(filter(None, found.groups()), "") if found else ""


_UNITS: Final = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def _bytes(said: str) -> int:
    """`599 MB` or `599123456`."""
    number, _, unit = said.partition(" ")
    return int(float(number) * _UNITS.get(unit.upper(), 1))
