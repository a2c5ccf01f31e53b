"""The bill of materials of an image (CycloneDX 1.6): each package that is installed, and the model.

Equal parts give equal bytes: it has no time, and its serial number is made of what it says. The
base image is the engine's: the build adds what is in it (`bill_of_base`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.service.locked import Locked, normal
from mlops_spec.runtime.service.wheel import version
from mlops_spec.terms.digest import canonical, file_digest

BILL_FILE: Final = "sbom.cdx.json"
# https://cyclonedx.org/docs/1.6/json/
_SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_LICENSE_TEXT: Final = 80  # characters; more is the licence itself instead of its name
_HASHES: Final = (
    "one for each file that the lock allows; the one for the image's platform is installed"
)


def write_bill(
    into: Path, release: Mapping[str, str], packages: Sequence[Locked], model: Path, wheel: Path
) -> Path:
    """Write it beside the service. `release` is what `release.json` says."""
    own = Locked("mlops-spec", version(), (file_digest(wheel),))
    parts = [_package(part) for part in sorted((own, *packages), key=lambda part: part.name)]
    parts.append(_model(release, model))
    subject = {
        "type": "application", "bom-ref": "service", "name": release["model"],
        "version": release["release"],
        "properties": _properties({f"mlops-spec:{k}": v for k, v in sorted(release.items())}),
    }  # fmt: skip
    said: dict[str, Any] = {
        "$schema": _SCHEMA, "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "component": subject,
            "properties": _properties({"mlops-spec:hashes": _HASHES}),
        },
        "components": parts,
        "dependencies": [
            {"ref": "service", "dependsOn": [part["bom-ref"] for part in parts]},
        ],
    }  # fmt: skip
    # RFC 9562, version 5: a UUID of a name, here of all that the bill says.
    serial = uuid.uuid5(uuid.NAMESPACE_URL, canonical(said))
    place = into / BILL_FILE
    text = json.dumps({**said, "serialNumber": f"urn:uuid:{serial}"}, indent=1, sort_keys=True)
    place.write_text(text + "\n", encoding="utf-8")
    return place


def _package(package: Locked) -> dict[str, Any]:
    url = f"pkg:pypi/{normal(package.name)}@{package.version.replace('+', '%2B')}"
    found = {
        "type": "library", "bom-ref": url, "name": normal(package.name),
        "version": package.version, "purl": url, "licenses": _licenses(package),
        "hashes": _hashes(package.sha256),
    }  # fmt: skip
    if not package.sha256:
        del found["hashes"]
        found["properties"] = _properties({"mlops-spec:digest": "unknown: pip could not say it"})
    return found if found["licenses"] else {k: v for k, v in found.items() if k != "licenses"}


def _model(release: Mapping[str, str], model: Path) -> dict[str, Any]:
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    files = {**manifest["files"], "manifest.json": release["digest"]}
    return {
        "type": "machine-learning-model", "bom-ref": "model", "name": release["model"],
        "version": release["version"], "hashes": _hashes([release["digest"]]),
        "properties": _properties({"mlops-spec:form": manifest["kind"]}),
        "components": [
            {"type": "file", "bom-ref": f"model/{name}", "name": f"model/{name}",
             "hashes": _hashes([digest])}
            for name, digest in sorted(files.items())
        ],
    }  # fmt: skip


def _licenses(package: Locked) -> list[dict[str, Any]]:
    """As the installed package says it, if the same version is installed here."""
    try:
        found = metadata.metadata(package.name)
    except metadata.PackageNotFoundError:
        return []
    if found["Version"] != package.version and package.name != "mlops-spec":
        return []
    if expression := _field(found, "License-Expression"):
        return [{"expression": expression}]
    said = [
        line.rpartition(" :: ")[2] for line in found.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]  # fmt: skip
    if not said and 0 < len(text := _field(found, "License")) <= _LICENSE_TEXT:
        said = [text]
    return [{"license": {"name": name}} for name in sorted(set(said)) if name.isprintable()]


def _field(found: metadata.PackageMetadata, name: str) -> str:
    """Not by `found[name]`: a backport that other libraries install raises where Python says None.

    "" for an absent field.
    """
    return str((found.get_all(name) or [""])[0]).strip()


def _hashes(digests: Iterable[str]) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest} for digest in digests]


def _properties(said: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in said.items()]
