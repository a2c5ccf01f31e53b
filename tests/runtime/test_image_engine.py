"""Which engine builds, what it is told, and its failures in words; engines here are scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_spec.runtime.image import Engine, build, find_engine, push, pushed_image
from mlops_spec.runtime.image.build import build_command, step_of
from mlops_spec.runtime.refusal import Refusal

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without engines, settings of pip and wishes of its user."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    (tmp_path / "pip.conf").write_text("")
    for name in ("ENGINE", "BASE_IMAGE", "BUILD_ARGUMENTS"):
        monkeypatch.delenv(f"MLOPS_SPEC_{name}", raising=False)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def engine(place: Path, name: str, script: str) -> None:
    """A program that writes down how it was called, and does what the script says."""
    program = place / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {place}/calls\n{script}\n')
    program.chmod(0o755)


def calls(place: Path) -> list[str]:
    return [
        line.removeprefix(f"{place}/bin/") for line in (place / "calls").read_text().splitlines()
    ]


def refused(ask) -> Refusal:
    with pytest.raises(Refusal) as raised:
        ask()
    return raised.value


def test_without_an_engine_it_says_which_were_looked_for() -> None:
    none = refused(find_engine)
    assert (none.code, none.message) == ("MLS630", "nothing here can make an image")
    assert none.details == (
        "docker: not installed",
        "podman: not installed",
        "buildah: not installed",
    )
    assert "apt-get install podman" in none.help


def test_a_docker_without_its_daemon_is_passed_over(tmp_path: Path) -> None:
    engine(tmp_path, "docker", "echo Cannot connect to the Docker daemon >&2; exit 1")
    assert refused(find_engine).details[0] == "docker: Cannot connect to the Docker daemon"
    engine(tmp_path, "buildah", "echo buildah version 1.28.2")
    assert find_engine() == Engine("buildah", "buildah version 1.28.2")


def test_a_docker_that_cannot_build_this_is_passed_over(tmp_path: Path) -> None:
    """Its client without buildx, which Debian has as a package of its own; podman behind it."""
    engine(tmp_path, "podman", "echo podman version 4.3.1")
    engine(
        tmp_path, "docker", 'case $1 in version) echo "28.2.2 Engine, runc, ";; *) exit 1;; esac'
    )
    assert find_engine() == Engine("podman", "podman version 4.3.1")
    assert calls(tmp_path)[-2] == "docker build --help"
    (tmp_path / "bin" / "podman").unlink()
    assert "lacks buildx (apt-get install docker-buildx" in refused(find_engine).details[0]
    engine(tmp_path, "docker", 'echo "4.3.1 Podman Engine, Conmon, "')
    assert "its daemon is podman's" in refused(find_engine).details[0]


def test_a_wish_is_followed_and_nothing_else_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("docker", "podman"):
        engine(tmp_path, name, "echo 1")
    assert find_engine().name == "docker"
    monkeypatch.setenv("MLOPS_SPEC_ENGINE", "podman")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert find_engine() == Engine("podman", "1", 86400)
    monkeypatch.setenv("MLOPS_SPEC_ENGINE", "kaniko")
    (said,) = refused(find_engine).details
    assert said == "MLOPS_SPEC_ENGINE=kaniko: it is none of docker, podman, buildah"


def test_podman_is_asked_for_a_health_check_and_for_equal_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_SPEC_BASE_IMAGE", "acme/python:3.11")
    monkeypatch.setenv("MLOPS_SPEC_BUILD_ARGUMENTS", "--network=host --volume='/a b:/c'")
    assert build_command(Engine("podman", "4"), Path("/release"), "r/trip:1") == (
        "podman", "build", "--tag", "r/trip:1", "--build-arg=SOURCE_DATE_EPOCH=0",
        "--format=docker", "--layers", "--timestamp=0", "--identity-label=false",
        "--build-arg=BASE_IMAGE=acme/python:3.11",
        f"--secret=id=pip,src={tmp_path}/pip.conf", "--network=host", "--volume=/a b:/c",
        "/release",
    )  # fmt: skip
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    dated = build_command(Engine("docker", "27", 86400), Path("/release"), "r/trip:1")
    assert "--label=org.opencontainers.image.created=1970-01-02T00:00:00+00:00" in dated
    assert "--timestamp=86400" not in dated


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_what_is_pushed_says_nothing_of_where_it_was_built(name) -> None:
    pushed = build_command(Engine(name, "1"), Path("/release"), "r/trip:1", pushed=True)
    assert "--format=oci" in pushed


def test_what_was_built_and_pushed_is_named_by_its_digest(tmp_path: Path) -> None:
    engine(
        tmp_path, "podman",
        'case $1 in --version) echo 4;; inspect) echo "sha256:1234 599123456";;'
        f' push) echo {DIGEST} > "${{2#--digestfile=}}";; *) echo "STEP 1/2: FROM base";; esac',
    )  # fmt: skip
    heard: list[str] = []
    pushed = pushed_image(tmp_path, "127.0.0.1:5000/ml/trip:r1", heard.append)
    assert pushed == f"127.0.0.1:5000/ml/trip@{DIGEST}"
    assert heard == ["STEP 1/2: FROM base"]
    assert calls(tmp_path)[-1].endswith("--tls-verify=false 127.0.0.1:5000/ml/trip:r1")
    assert "--format=oci" in calls(tmp_path)[1]
    built = build(find_engine(), tmp_path, "trip:r1")
    assert (built.id, built.size) == ("1234", 599123456)


def test_docker_says_the_digest_itself(tmp_path: Path) -> None:
    engine(tmp_path, "docker", f"echo 'r1: digest: {DIGEST} size: 1999'")
    found = push(Engine("docker", "27"), "registry.acme.example/trip:r1")
    assert found == f"registry.acme.example/trip@{DIGEST}"
    assert calls(tmp_path) == ["docker push registry.acme.example/trip:r1"]
    engine(tmp_path, "docker", "echo pushed")
    silent = refused(lambda: push(Engine("docker", "27"), "r/t:1"))
    assert silent.message == "docker has pushed r/t:1 and not said its digest"


FAILURES = {
    "write /var/lib/x: no space left on device": ("MLS604", "the disk is full"),
    "Error: unauthorized: authentication required": ("MLS630", "does not accept these credentials"),
    "pinging container registry r: Get: dial tcp 10.0.0.1:443: connect: connection refused": (
        "MLS630", "a registry does not answer",
    ),
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.": (
        "MLS630", "not the one that was locked",
    ),
    "ERROR: No matching distribution found for numpy==2.4.6": ("MLS630", "finds no package"),
    "Error: initializing source docker://python:3.11-slim: pinging container registry r: dial tcp:"
    " lookup r on 10.0.0.1:53: no such host": (
        "MLS630", "base image cannot be pulled",
    ),
    "something else": ("MLS630", "podman build failed"),
}  # fmt: skip


@pytest.mark.parametrize("said", FAILURES)
def test_a_failure_says_what_it_means_and_ends_with_the_engines_words(
    tmp_path: Path, said: str
) -> None:
    steps = "for at in 1 2 3 4 5 6 7 8 9 30; do echo STEP $at/30: RUN x; done"
    engine(tmp_path, "podman", f"{steps}; echo '{said}' >&2; exit 125")
    failed = refused(lambda: build(Engine("podman", "4"), tmp_path, "trip:r1"))
    code, meaning = FAILURES[said]
    assert failed.code == code
    assert meaning in failed.message
    assert failed.details[-2:] == ("STEP 30/30: RUN x", said)
    assert len(failed.details) == 8
    assert failed.help


def test_a_step_of_any_engine_is_told_from_its_output() -> None:
    assert step_of("[2/2] STEP 11/26: COPY --from=packages /a /a") == "COPY"
    assert step_of("STEP 3/12: RUN pip") == "RUN"
    assert step_of("#7 [packages 4/6] RUN python -m venv") == "RUN"
    assert step_of("Collecting numpy") == ""
