"""What images are built on and run by where no daemon and no registry of images can be reached.

The base is Debian's own packages, put together once (`debootstrap`, 1-3 minutes) and kept among
buildah's images. An image runs as its own settings say: changed root, read-only, as its user.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaged_service import free_port

BASE = "localhost/mlops-spec-test-base:bookworm-python3.11-1"
# Only root may bind, mount and change roots; what is missing is not collected (test_image.py).
CAN_RUN = all(map(shutil.which, ("buildah", "unshare", "chroot"))) and os.geteuid() == 0
_READ_ONLY = """\
set -e
mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"; mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
root=$1; user=$2; shift 2
exec chroot --userspec="$user" "$root" "$@"
"""


def buildah(*arguments: str) -> str:
    """What buildah prints last."""
    done = subprocess.run(["buildah", *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def can_have_base() -> bool:
    return bool(os.environ.get("MLOPS_SPEC_BASE_IMAGE") or shutil.which("debootstrap"))


def base_image(place: Path) -> str:
    """MLOPS_SPEC_BASE_IMAGE, or a Debian with Python 3.11, made where buildah does not have it."""
    given = os.environ.get("MLOPS_SPEC_BASE_IMAGE")
    if given or buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        return given or BASE
    root = place / "root"
    # debootstrap does not see that the second provides what the first depends on.
    packages = "--include=python3.11-venv,python3-distutils"
    wanted = ("--variant=minbase", packages, "bookworm", str(root))
    subprocess.run(["debootstrap", *wanted], check=True, stdout=subprocess.DEVNULL)
    (root / "usr/bin/python").symlink_to("python3.11")
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, str(root), "/")
    buildah("commit", "--quiet", container, BASE)
    buildah("rm", container)
    return BASE


def lent() -> str:
    """Arguments that give a build this machine's certificates and pip's folders of packages."""
    settings = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    folders = re.findall(r"(?:file://)?(/[\w./-]+?)(?:/simple)?(?=['\s])", settings)
    places = dict.fromkeys(["/etc/pip.conf", "/etc/ssl/certs", *folders])
    volumes = [f"--volume={place}:{place}:ro" for place in places if Path(place).exists()]
    return shlex.join(volumes)


def described(tag: str) -> dict[str, Any]:
    """An image's settings as docker's format has them: `config`, `rootfs` and others."""
    found: dict[str, Any] = json.loads(
        subprocess.run(
            ["buildah", "inspect", "--type=image", tag], check=True, capture_output=True
        ).stdout
    )["Docker"]
    return found


@contextmanager
def unpacked(tag: str) -> Iterator[Path]:
    """The image's files."""
    container = buildah("from", tag)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("umount", container)
        buildah("rm", container)


def read_only(root: Path, config: dict[str, Any], *command: str, **more: str) -> list[str]:
    """The command that runs `command`, or the image's own, as the image's settings say."""
    variables = dict(line.split("=", 1) for line in config["Env"]) | more
    return [
        "unshare", "--mount", "sh", "-c", _READ_ONLY, "sh", str(root), config["User"],
        "/usr/bin/env", "-i", f"--chdir={config['WorkingDir']}",
        *(f"{name}={value}" for name, value in variables.items()), *(command or config["Cmd"]),
    ]  # fmt: skip


@dataclass(frozen=True)
class LocalRegistry:
    """Debian's docker-registry on loopback."""

    address: str


@contextmanager
def registry(place: Path) -> Iterator[LocalRegistry]:
    settings = place / "registry.yml"
    port = free_port()
    settings.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {place}/images}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
    )
    log = (place / "registry.log").open("wb")
    with (
        log,
        subprocess.Popen(
            ["docker-registry", "serve", str(settings)], stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield LocalRegistry(f"127.0.0.1:{port}")
        finally:
            process.terminate()
            forget(f"127.0.0.1:{port}/")


def forget(start: str) -> None:
    """Let go of images whose name starts so; layers that others have too stay."""
    listed = subprocess.run(
        ["buildah", "images", "--format", "{{.Name}}:{{.Tag}}"],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if name.startswith(start):
            buildah("rmi", name)
