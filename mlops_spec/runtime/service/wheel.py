"""The running mlops_spec as a wheel of what a service imports: the compiler stays out of images."""

from __future__ import annotations

import re
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Final

import mlops_spec
from mlops_spec.runtime.refusal import Refusal

# `runtime` and what it stands on (`make lint` holds that it knows nothing of the rest).
PARTS: Final = ("runtime", "diagnostics", "state", "stats", "terms")
EXTRA: Final = "image"
_KEPT: Final = (".py", ".so")  # a kernel for each processor, chosen where it runs
_DISTRIBUTION: Final = "mlops-spec"
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the same files give the same wheel
# `cryptography>=43; extra == "image"`: what a marker says beside the extra is kept.
_OWN_NEED: Final = re.compile(rf"""^(.*?);\s*(?:(.*?)\s+and\s+)?extra\s*==\s*['"]{EXTRA}['"]$""")


def version() -> str:
    """Told from the whole package's: this one has no compiler."""
    return f"{metadata.version(_DISTRIBUTION)}+service"


def write_wheel(folder: Path) -> Path:
    """Write it; an image has what was tested here, and needs no registry for it."""
    base = f"{mlops_spec.__name__}-{version()}"
    about = f"{base}.dist-info"
    files = {f"{mlops_spec.__name__}/{path}": content for path, content in _sources().items()}
    files[f"{about}/METADATA"] = _metadata().encode()
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    # pip takes a record without digests, and writes its own.
    record = f"{about}/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record)).encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{base}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), content, zipfile.ZIP_DEFLATED)
    return wheel


def _sources() -> dict[str, bytes]:
    source = Path(mlops_spec.__file__).parent
    found = [source / "__init__.py"]
    for part in PARTS:
        found += sorted(p for p in (source / part).rglob("*") if p.suffix in _KEPT)
    return {path.relative_to(source).as_posix(): path.read_bytes() for path in found}


def _metadata() -> str:
    """Name and version, and what the extra `image` needs as what the wheel needs."""
    found = metadata.distribution(_DISTRIBUTION)
    if found.read_text("METADATA") is None:
        raise Refusal("MLS602", "the installed mlops-spec has no metadata", "install it again")
    lines = ["Metadata-Version: 2.1", f"Name: {_DISTRIBUTION}", f"Version: {version()}"]
    for need in found.requires or []:
        own = _OWN_NEED.match(need)
        if own:
            lines.append("Requires-Dist: " + "; ".join(part for part in own.groups() if part))
    return "".join(f"{line}\n" for line in lines)
