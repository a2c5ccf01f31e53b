"""Pushing an image, and the digest by which the registry has it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from mlops_spec.runtime.image.build import Heard, build, told
from mlops_spec.runtime.image.engine import Engine, find_engine
from mlops_spec.runtime.refusal import Refusal

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
# docker itself takes these for insecure: nobody is between.
_LOOPBACK: Final = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?/")


def pushed_image(folder: Path, name: str, heard: Heard = lambda _: None) -> str:
    """Build the release in `folder` and push it as `name` (`registry/path:tag`).

    Returns `registry/path@sha256:…`. A registry learns the name last, so that what was cut off
    leaves no half image. `Refusal` MLS630 or MLS604.
    """
    engine = find_engine()
    build(engine, folder, name, heard, pushed=True)
    return push(engine, name, heard)


def push(engine: Engine, name: str, heard: Heard = lambda _: None) -> str:
    """The name by digest under which the registry has the image. `Refusal` MLS630."""
    with tempfile.TemporaryDirectory(prefix="mlops-spec-") as place:
        said = Path(place, "digest")
        argv = [engine.name, "push"]
        if engine.podmans:
            argv.append(f"--digestfile={said}")
            argv += ["--tls-verify=false"] if _LOOPBACK.match(name) else []
        lines = told(engine, (*argv, name), heard, doing="push")
        text = said.read_text() if said.is_file() else "\n".join(lines)
    digests = _DIGEST.findall(text)
    if not digests:
        raise Refusal(
            "MLS630",
            f"{engine.name} has pushed {name} and not said its digest",
            "look it up in the registry; spec apply takes it with --image",
            tuple(lines[-4:]),
        )
    return f"{name.rpartition(':')[0]}@{digests[-1]}"
