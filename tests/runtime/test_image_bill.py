"""The bill of materials is CycloneDX by its own schema, says all parts, and has no time in it."""

from __future__ import annotations

import json
import platform
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from mlops_spec.runtime.service.bill import write_bill
from mlops_spec.runtime.service.bill_of_base import add_base
from mlops_spec.runtime.service.image_labels import add_labels
from mlops_spec.runtime.service.locked import Locked
from mlops_spec.terms.digest import file_digest

RELEASE = {
    "model": "trip", "version": "7", "release": "0123456789abcdef", "run": "r1",
    "digest": "ab" * 32, "service": "cd" * 32, "image": "0123",
}  # fmt: skip
PARTS = (
    Locked("numpy", version("numpy"), ("aa" * 32, "bb" * 32)),
    Locked("booster", "1.0"),
    Locked("pydantic_core", "0.0.1", ("cc" * 32,)),
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    manifest = {"kind": "onnx", "files": {"model.onnx": "ee" * 32}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "own.whl").write_bytes(b"a wheel")
    return folder


def test_the_bill_is_valid_and_names_every_part(model: Path) -> None:
    place = write_bill(model.parent, RELEASE, PARTS, model, model.parent / "own.whl")
    text = place.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    said = json.loads(text)
    parts = {part["name"]: part for part in said["components"]}
    assert list(parts) == ["booster", "mlops-spec", "numpy", "pydantic-core", "trip"]
    assert parts["numpy"] == {
        "type": "library", "bom-ref": f"pkg:pypi/numpy@{version('numpy')}", "name": "numpy",
        "version": version("numpy"), "purl": f"pkg:pypi/numpy@{version('numpy')}",
        "licenses": parts["numpy"]["licenses"],
        "hashes": [{"alg": "SHA-256", "content": digest * 32} for digest in ("aa", "bb")],
    }  # fmt: skip
    assert "BSD-3-Clause" in json.dumps(parts["numpy"]["licenses"])
    # Of another version than the one that is installed here, nothing is known.
    assert "licenses" not in parts["pydantic-core"]
    assert "hashes" not in parts["booster"]
    assert parts["booster"]["properties"][0]["value"] == "unknown: pip could not say it"
    assert parts["mlops-spec"]["hashes"][0]["content"] == file_digest(model.parent / "own.whl")
    assert parts["trip"]["type"] == "machine-learning-model"
    assert [part["name"] for part in parts["trip"]["components"]] == [
        "model/manifest.json", "model/model.onnx",
    ]  # fmt: skip
    assert set(said["dependencies"][0]["dependsOn"]) == {p["bom-ref"] for p in said["components"]}


def test_equal_parts_make_equal_bills_and_others_another_number(model: Path) -> None:
    def written(parts: tuple[Locked, ...]) -> str:
        place = write_bill(model.parent, RELEASE, parts, model, model.parent / "own.whl")
        return place.read_text()

    first = written(PARTS)
    assert written(PARTS[::-1]) == first
    other = written(PARTS[1:])
    assert json.loads(other)["serialNumber"] != json.loads(first)["serialNumber"]
    assert "timestamp" not in first


def test_labels_are_added_once_and_again_when_the_evidence_is_another(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from mlops_spec.runtime.evidence.envelope import seal

    dockerfile, evidence = tmp_path / "Dockerfile", tmp_path / "evidence.json"
    dockerfile.write_text("FROM base\n")
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    for revision in ("f" * 40, "unknown"):
        said = {"predicate": {"code": {"code_revision": revision}}}
        evidence.write_text(seal(json.dumps(said).encode(), key))
        add_labels(dockerfile, {**RELEASE, "run": 'r"$1'}, evidence)
    text = dockerfile.read_text()
    assert text.count("LABEL") == 1
    assert "revision" not in text
    assert 'mlops-spec.run="r\\"\\$1"' in text
    assert f'mlops-spec.evidence-digest="sha256:{file_digest(evidence)}"' in text
    add_labels(tmp_path / "none", RELEASE, evidence)
    assert not (tmp_path / "none").exists()


def test_licences_are_read_where_a_backport_of_metadata_answers_for_python(model: Path) -> None:
    import importlib_metadata  # noqa: F401 - MLflow brings it; its answers raise for absent fields

    older = next(
        found for found in distributions()
        if "License-Expression" not in found.metadata and found.metadata["Name"] != "mlops-spec"
    )  # fmt: skip
    part = Locked(older.metadata["Name"], older.version)
    said = json.loads(
        write_bill(model.parent, RELEASE, (part,), model, model.parent / "own.whl").read_text()
    )
    assert part.version in {each["version"] for each in said["components"]}


DPKG = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1:1
"""


def test_a_build_adds_python_and_the_packages_of_its_base(model: Path) -> None:
    bill = write_bill(model.parent, RELEASE, PARTS, model, model.parent / "own.whl")
    before = json.loads(bill.read_text())
    root = model.parent / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    (root / "var/lib/dpkg/status.d").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(DPKG)
    # As images without a shell have them.
    (root / "var/lib/dpkg/status.d/tzdata").write_text("Package: tzdata\nVersion: 2025b\n")
    (root / "var/lib/dpkg/status.d/tzdata.md5sums").write_text("00  usr/share\n")
    add_base(bill, root)
    text = bill.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    after = json.loads(text)
    python, *added = after["components"][len(before["components"]) :]
    assert (python["type"], python["version"]) == ("platform", platform.python_version())
    assert [(part["type"], part["name"], part["version"]) for part in added] == [
        ("operating-system", "debian", "12"),
        ("library", "libc6", "2.36-9+deb12u10"),
        ("library", "tzdata", "2025b"),
    ]
    assert added[1]["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12"
    assert after["serialNumber"] != before["serialNumber"]
    add_base(bill, root)
    assert bill.read_text() == text


def test_a_base_that_says_nothing_of_itself_is_named_so(model: Path) -> None:
    bill = write_bill(model.parent, RELEASE, PARTS, model, model.parent / "own.whl")
    add_base(bill, model.parent / "empty")
    text = bill.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert json.loads(text)["components"][-1]["name"] == "unknown"
