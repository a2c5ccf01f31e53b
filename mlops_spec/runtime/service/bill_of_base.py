"""What the base image brings to a bill of materials: Python, and the distribution's packages.

Which base it is, nobody knows before the build. So the build runs this file, by the base's own
Python, which has nothing but its standard library.
"""

from __future__ import annotations

import json
import platform
import re
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

# dpkg keeps all in one file; images without a shell have a file for each package.
_DPKG: Final = ("var/lib/dpkg/status", "var/lib/dpkg/status.d/*")
_FIELD: Final = re.compile(r"^(Package|Version|Architecture|Status): (.+)$", re.MULTILINE)


def main(arguments: Sequence[str]) -> int:
    """`bill_of_base.py BILL`"""
    (bill,) = map(Path, arguments)
    add_base(bill, Path("/"))
    return 0


def add_base(bill: Path, root: Path) -> None:
    """Add to a bill what the system in `root` consists of. Done again, nothing is there twice."""
    said: dict[str, Any] = json.loads(bill.read_text(encoding="utf-8"))
    known = {part["bom-ref"] for part in said["components"]}
    found = [part for part in (_python(), *_system(root)) if part["bom-ref"] not in known]
    said["components"] += found
    said["dependencies"][0]["dependsOn"] += [part["bom-ref"] for part in found]
    del said["serialNumber"]
    # RFC 9562, version 5: a UUID of a name, here of all that the bill says.
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(said, sort_keys=True))
    said["serialNumber"] = f"urn:uuid:{serial}"
    bill.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _python() -> dict[str, Any]:
    """Compiled by whoever made the base, as in python:3.11-slim, it is in no list of packages."""
    version = platform.python_version()
    url = f"pkg:generic/{platform.python_implementation().lower()}@{version}"
    return {
        "type": "platform", "bom-ref": url, "name": platform.python_implementation(),
        "version": version, "purl": url,
        "cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
    }  # fmt: skip


def _system(root: Path) -> Iterator[dict[str, Any]]:
    """The distribution and its packages; a system without dpkg is named alone."""
    about = _release(root)
    name, version = about.get("ID", "unknown"), about.get("VERSION_ID", "")
    yield {
        "type": "operating-system", "bom-ref": f"os:{name}", "name": name,
        **({"version": version} if version else {}),
    }  # fmt: skip
    files = sorted(file for pattern in _DPKG for file in root.glob(pattern))
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    entries = (dict(_FIELD.findall(text)) for text in "\n\n".join(texts).split("\n\n"))
    # A list of files lies beside a package's entry in status.d, and is none.
    for each in entries:
        if "Version" in each and each.get("Status", "installed").endswith("installed"):
            yield _package(each, name, f"{name}-{version}")


def _package(entry: dict[str, str], vendor: str, distribution: str) -> dict[str, Any]:
    version, of = quote(entry["Version"], safe=""), entry.get("Architecture", "all")
    url = f"pkg:deb/{vendor}/{quote(entry['Package'])}@{version}?arch={of}&distro={distribution}"
    return {
        "type": "library", "bom-ref": url, "name": entry["Package"], "version": entry["Version"],
        "purl": url,
    }  # fmt: skip


def _release(root: Path) -> dict[str, str]:
    """os-release(5), where there is one."""
    place = root / "etc/os-release"
    text = place.read_text(encoding="utf-8") if place.is_file() else ""
    return {key: value.strip("'\"") for key, value in re.findall(r"^(\w+)=(.*)$", text, re.M)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
