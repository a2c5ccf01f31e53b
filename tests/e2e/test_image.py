"""The image of a packaged release: built by buildah without a daemon, run, and pushed.

Collected for root where there are buildah and something to build on: debootstrap, or an image
with Python 3.11 that MLOPS_SPEC_BASE_IMAGE names (`apt-get install buildah debootstrap`).
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from image_machine import (
    CAN_RUN,
    base_image,
    can_have_base,
    described,
    forget,
    lent,
    read_only,
    registry,
    unpacked,
)
from small_image import RELEASE, asked, packaged, tiny, wait_for

from mlops_spec.runtime.image import Built, Engine, build, find_engine, pushed_image
from mlops_spec.runtime.service.locked import normal, read_locked
from mlops_spec.runtime.service.wheel import version
from mlops_spec.terms.digest import file_digest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]

TAG = "localhost/mlops-spec-test"
LOGGED = f'mlops_prediction_log_written_total{{model="trip",release="{RELEASE}"}} 1.0'.encode()
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Made:
    engine: Engine
    context: Path
    image: Built
    about: dict[str, Any]
    base: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    place = tmp_path_factory.mktemp("image")
    with pytest.MonkeyPatch.context() as patch:
        base = base_image(place)
        for name, value in (
            ("MLOPS_SPEC_ENGINE", "buildah"), ("MLOPS_SPEC_BASE_IMAGE", base),
            ("MLOPS_SPEC_BUILD_ARGUMENTS", lent()), ("BUILDAH_ISOLATION", "chroot"),
        ):  # fmt: skip
            patch.setenv(name, value)
        patch.delenv("SOURCE_DATE_EPOCH", raising=False)
        context = packaged(place / "project", patch, workers=2)
        engine = find_engine()
        image = build(engine, context, TAG)
        yield Made(engine, context, image, described(TAG), base)
        # The layers of packages stay, for the next time; what is named after a test does not.
        forget(f"{TAG}:")


def test_a_packaged_release_is_a_whole_build_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any engine: what `docker build` would be given."""
    context = packaged(tmp_path, monkeypatch)
    assert sorted(place.name for place in context.iterdir()) == [
        ".dockerignore", "Dockerfile", "bento.py", "bentofile.yaml", "evidence.json", "model",
        "packages.txt", "release.json", "requirements.txt", "sbom.cdx.json", "service.py", "wheels",
    ]  # fmt: skip
    bill = (context / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    locked = {
        normal(package.name) for package in read_locked((context / "requirements.txt").read_text())
    }
    listed = {part["name"] for part in json.loads(bill)["components"]}
    assert listed == {*locked, "mlops-spec", "trip"}
    assert f'mlops-spec.release="{RELEASE}"' in (context / "Dockerfile").read_text()


if CAN_RUN and can_have_base():

    def test_it_answers_as_nobody_on_a_read_only_root_until_it_is_told_to_end(made: Made) -> None:
        config = made.about["config"]
        assert config["User"] == "10001:10001"
        with unpacked(TAG) as root:
            command = read_only(root, config, MLOPS_SPEC_WORKSPACE="/tmp/spec/local")
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
                try:
                    asked("/readyz", alive=lambda: service.poll() is None)
                    answer = json.loads(asked("/predict", b'{"x": 0.9}'))
                    assert (answer["release"], answer["predictions"][0]["decision"]) == (
                        RELEASE,
                        True,
                    )
                    # Two workers add up what they count, in a folder below /tmp; and Arrow
                    # writes the log there without pandas.
                    assert b'mlops_requests_total{code="200",' in asked("/metrics")
                    wait_for(lambda: LOGGED in asked("/metrics"))
                    status = Path(f"/proc/{service.pid}/status").read_text()
                    assert "Uid:\t10001\t10001\t10001\t10001" in status
                    health = read_only(root, config, *config["Healthcheck"]["Test"][1:])
                    assert subprocess.run(health, check=False).returncode == 0
                finally:
                    service.send_signal(getattr(signal, config["StopSignal"]))
                    said = service.communicate(timeout=90)[1]
            assert service.returncode == 0, said
            # Without the service, its check fails.
            assert subprocess.run(health, check=False, stderr=subprocess.DEVNULL).returncode != 0
            denied = read_only(root, config, "touch", "/app/x")
            done = subprocess.run(denied, check=False, stderr=subprocess.PIPE, text=True)
            assert "Read-only file system" in done.stderr

    def test_it_holds_what_serving_needs_and_says_so(made: Made) -> None:
        with unpacked(TAG) as root:
            (packages,) = root.glob("opt/service/lib/python3.*/site-packages")
            installed = {
                (found.name.lower().replace("_", "-"), found.version)
                for found in distributions(path=[str(packages), str(root / "app")])
            }
            bill = json.loads((root / "app/sbom.cdx.json").read_text())
            app = sorted(place.name for place in (root / "app").iterdir())
            size = sum(
                file.lstat().st_size
                for file in (root / "opt/service").rglob("*")
                if not file.is_dir()
            )
        listed = {
            kind: {
                (p["name"], p["version"]) for p in bill["components"] if kind in p.get("purl", "")
            }
            for kind in ("pkg:pypi/", "pkg:deb/", "pkg:generic/cpython@3.11.")
        }
        assert listed["pkg:pypi/"] == installed
        assert {name for name, _ in listed["pkg:deb/"]} >= {"dpkg", "libc6"}
        assert len(listed["pkg:generic/cpython@3.11."]) == 1
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
        assert (
            not {"pandas", "scikit-learn", "scipy", "bentoml", "sqlalchemy"}
            & dict(installed).keys()
        )
        assert app == [
            "__pycache__", "evidence.json", "mlops_spec", f"mlops_spec-{version()}.dist-info",
            "model", "release.json", "sbom.cdx.json", "service.py",
        ]  # fmt: skip
        assert size < 350e6  # 310 MB; it was 739 with what models are trained with

    def test_its_labels_name_spec_release_and_digests(made: Made) -> None:
        release = json.loads((made.context / "release.json").read_text())
        evidence = file_digest(made.context / "evidence.json")
        labels = made.about["config"]["Labels"]
        labels.pop("io.buildah.version", "")  # of the base
        assert labels == {
            "org.opencontainers.image.title": "trip",
            "org.opencontainers.image.description": "predictions over HTTP, at /predict",
            "org.opencontainers.image.base.name": made.base,
            "org.opencontainers.image.version": RELEASE,
            "org.opencontainers.image.revision": "0" * 40,
            "mlops-spec.source": "specs/m.yaml",
            "mlops-spec.facet.data": "d0",
            "mlops-spec.facet.train": "t0",
            "mlops-spec.facet.serve": "s0",
            "mlops-spec.sbom": "/app/sbom.cdx.json",
            "mlops-spec.release": RELEASE,
            "mlops-spec.run": "r1",
            "mlops-spec.version": "7",
            "mlops-spec.model-digest": f"sha256:{release['digest']}",
            "mlops-spec.evidence-digest": f"sha256:{evidence}",
        }

    def test_it_is_the_same_when_it_is_built_again(
        made: Made, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From what is kept, to the byte; from nothing, every layer, in either format."""
        assert build(made.engine, made.context, TAG).id == made.image.id
        monkeypatch.setenv("MLOPS_SPEC_BUILD_ARGUMENTS", f"{lent()} --no-cache")
        build(made.engine, made.context, f"{TAG}:again", pushed=True)
        again = described(f"{TAG}:again")
        assert again["rootfs"] == made.about["rootfs"]
        assert again["created"] == made.about["created"] == "1970-01-01T00:00:00Z"

    if shutil.which("docker-registry"):

        def test_it_is_pushed_under_the_same_digest_wherever_it_is_built(
            made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
        ) -> None:
            """From nothing each time; by podman, too, where it is installed."""
            monkeypatch.setenv("MLOPS_SPEC_BUILD_ARGUMENTS", f"{lent()} --no-cache")
            context = tiny(Path(shutil.copytree(made.context, tmp_path / "context")))
            engines = ["buildah", "podman" if shutil.which("podman") else "buildah"]
            with registry(tmp_path) as here:
                pushed = []
                for at, engine in enumerate(engines):
                    monkeypatch.setenv("MLOPS_SPEC_ENGINE", engine)
                    pushed.append(pushed_image(context, f"{here.address}/ml/trip{at}:{RELEASE}"))
                repository, _, digest = pushed[0].partition("@")
                assert repository == f"{here.address}/ml/trip0"
                assert pushed[1] == f"{here.address}/ml/trip1@{digest}"
                url = f"http://{here.address}/v2/ml/trip0/manifests/{digest}"
                with urlopen(Request(url, headers={"Accept": MANIFEST})) as response:
                    assert json.loads(response.read())["mediaType"] == MANIFEST
