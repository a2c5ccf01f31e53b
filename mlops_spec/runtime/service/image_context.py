"""What an image of a service is built from, beside service and model: packages and own modules."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Final

import mlops_spec
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.digest import digest, file_digest

RENDERED: Final = ("Dockerfile", ".dockerignore", "requirements.txt")
WHEELS: Final = "wheels"
PACKAGES: Final = "packages.txt"
_DISTRIBUTION: Final = "mlops-spec"
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the same files give the same wheel


def rendered_digest(rendered: Path) -> str:
    """Changes when a file that makes the image does."""
    return digest([file_digest(path) for path in _rendered(rendered)])


def add_image_context(rendered: Path, root: Path, modules: Iterable[str], into: Path) -> None:
    """Everything that `docker build` needs: `into` is the whole context.

    `modules`: what the model's pickle imports. A module that lies in `root` is copied, so that the
    release keeps the estimator it was trained with; a package that the locked requirements do not
    have is named, with the version that is installed here.
    """
    for path in _rendered(rendered):
        shutil.copyfile(path, into / path.name)
    requirements = into / "requirements.txt"
    locked = requirements.read_text(encoding="utf-8") if requirements.is_file() else ""
    foreign = []
    for module in modules:
        if not _copied(root, module, into):
            foreign += _unlocked(module, locked)
    (into / PACKAGES).write_text("".join(f"{line}\n" for line in sorted(set(foreign))))
    write_wheel(into / WHEELS)
    # The image's user is not the one who packages, and files of ours may be for their owner alone.
    for path in into.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _rendered(folder: Path) -> list[Path]:
    return [folder / name for name in RENDERED if (folder / name).is_file()]


def _copied(root: Path, module: str, into: Path) -> bool:
    file, package = root / f"{module}.py", root / module
    if (file.is_file() or package.is_dir()) and (into / file.name).exists():
        raise Refusal("MLS602", f"{file.name} has the name of a generated file", "rename it")
    if file.is_file():
        shutil.copyfile(file, into / file.name)
    elif (package / "__init__.py").is_file():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, into / module, ignore=ignored)
    else:
        return False
    return True


def _unlocked(module: str, locked: str) -> list[str]:
    """`name==version` of the package that has a module, unless it is locked or Python's own."""
    if module in sys.stdlib_module_names or module == mlops_spec.__name__:
        return []
    found = metadata.packages_distributions().get(module)
    if found is None:
        raise Refusal(
            "MLS602",
            f"the model needs the module {module!r}, which no package here and no file beside "
            "mlops.yaml has",
            "put it beside mlops.yaml, or install its package",
        )
    names = {_normal(line.partition("==")[0]) for line in locked.splitlines() if "==" in line}
    return [f"{name}=={metadata.version(name)}" for name in found if _normal(name) not in names]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def write_wheel(folder: Path) -> Path:
    """The running mlops_spec as a wheel, so that an image has the same without any registry."""
    version = metadata.version(_DISTRIBUTION)
    base = f"{mlops_spec.__name__}-{version}"
    about = f"{base}.dist-info"
    source = Path(mlops_spec.__file__).parent
    files = {
        f"{source.name}/{path.relative_to(source).as_posix()}": path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
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


def _metadata() -> str:
    found = metadata.distribution(_DISTRIBUTION).read_text("METADATA")
    if found is None:
        raise Refusal("MLS602", "the installed mlops-spec has no metadata", "install it again")
    return found


def modules_of(model: Path) -> tuple[str, ...]:
    """What the model in a portable folder imports; nothing when it is an ONNX graph."""
    manifest = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    return tuple(manifest.get("modules", ()))
