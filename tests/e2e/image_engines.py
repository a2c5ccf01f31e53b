"""Engines that build and run: podman, and a docker daemon of our own without a network of its own.

Debian's docker.io has daemon and client. Another client that is first on PATH may lack buildx.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from image_machine import BASE, base_image, buildah

_NO_NETWORK = ("--bridge=none", "--iptables=false", "--ip6tables=false")


@dataclass(frozen=True)
class Runner:
    """How an engine is called, and what its `run` needs on this machine."""

    argv: tuple[str, ...]
    run: tuple[str, ...] = ()

    def said(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.argv, *arguments], check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()


# crun does not know hybrid control groups, and limits may not rise above the machine's.
PODMAN = Runner(
    ("podman", "--cgroup-manager=cgroupfs", "--runtime=runc"),
    ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"),
)
DOCKER = Runner(("docker",), ("--tmpfs=/tmp",))
CAN_RUN_PODMAN = bool(shutil.which("podman") and shutil.which("runc"))


@contextmanager
def container(runner: Runner, tag: str, **variables: str) -> Iterator[str]:
    """The name of a container of the image, which may do nothing that a service need not do."""
    name = f"mlops-spec-test-{os.getpid()}"
    given = [f"--env={key}={value}" for key, value in variables.items()]
    runner.said(
        "run", "--detach", "--name", name, "--network=host", "--read-only", "--cap-drop=ALL",
        "--security-opt=no-new-privileges", *runner.run, *given, tag,
    )  # fmt: skip
    try:
        yield name
    finally:
        runner.said("rm", "--force", name)


def docker_client() -> Path | None:
    """The first on PATH that can ask a daemon to build with BuildKit."""
    for folder in os.get_exec_path():
        program = Path(folder, "docker")
        asked = [str(program), "build", "--help"]
        environ = {**os.environ, "DOCKER_BUILDKIT": "1"}
        if (
            program.is_file()
            and not subprocess.run(asked, env=environ, capture_output=True, check=False).returncode
        ):
            return program
    return None


def can_run_docker() -> bool:
    return all(map(shutil.which, ("dockerd", "containerd", "runc"))) and docker_client() is not None


@contextmanager
def docker_daemon(place: Path) -> Iterator[str]:
    """The address of a daemon that keeps all that it has in `place`."""
    socket = f"unix://{place}/sock"
    argv = [
        "dockerd", f"--data-root={place}/data", f"--exec-root={place}/run", f"--host={socket}",
        f"--pidfile={place}/pid", *_NO_NETWORK,
    ]  # fmt: skip
    with (
        (place / "log").open("wb") as log,
        subprocess.Popen(argv, stdout=log, stderr=log) as daemon,
    ):
        try:
            _wait_until_it_answers(daemon, socket, place / "log")
            yield socket
        finally:
            daemon.terminate()
            daemon.wait(timeout=120)
            _forget(place)


def _forget(place: Path) -> None:
    """What a daemon leaves: the network that its containers had, and a gigabyte."""
    for mounted in place.glob("run/netns/*"):
        subprocess.run(["umount", str(mounted)], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(place / "data", ignore_errors=True)


def _wait_until_it_answers(daemon: subprocess.Popen[bytes], socket: str, log: Path) -> None:
    deadline = time.monotonic() + 180
    while subprocess.run(
        ["docker", "--host", socket, "info"], capture_output=True, check=False
    ).returncode:
        assert daemon.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.2)


def base_for_a_daemon(place: Path, socket: str) -> str:
    """The base, with this machine's certificates: a daemon lends a build no folders."""
    base = base_image(place)
    if base != BASE:
        return base  # it pulls what MLOPS_SPEC_BASE_IMAGE names
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    container, archive = buildah("from", BASE), place / "base.tar"
    if Path(certificates).is_file():
        buildah("copy", "--quiet", container, certificates, certificates)
    image = buildah("commit", "--quiet", container)
    buildah("push", "--quiet", image, f"docker-archive:{archive}:mlops-spec-test-base:1")
    buildah("rm", container)
    buildah("rmi", image)
    subprocess.run(
        ["docker", "--host", socket, "load", "--quiet", "--input", str(archive)], check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    archive.unlink()
    return "mlops-spec-test-base:1"
