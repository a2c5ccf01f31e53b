"""What an image of a service is built from, beside service and model: packages and own modules."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import mlops_spec
from mlops_spec.runtime.portable.modules import OF_CYTHON
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.service.locked import Locked, normal, read_locked, resolved, write_locked
from mlops_spec.runtime.service.wheel import write_wheel
from mlops_spec.terms.digest import digest, file_digest

WHEELS: Final = "wheels"
PACKAGES: Final = "packages.txt"
REQUIREMENTS: Final = "requirements.txt"
# What a model that is a pickle of scikit-learn's needs beside the requirements of all services.
FOR_PICKLES: Final = "requirements-sklearn.txt"
# Rendered for a service that answers gRPC, and there for no other.
FOR_GRPC: Final = "requirements-grpc.txt"
RENDERED: Final = ("Dockerfile", ".dockerignore", REQUIREMENTS, FOR_GRPC, FOR_PICKLES)
_COPIED: Final = ("Dockerfile", ".dockerignore")


@dataclass(frozen=True, slots=True)
class Form:
    """What the form of a trained model asks of an image: packages, and modules of its pickle."""

    pickled: bool
    modules: tuple[str, ...] = ()


def form_of(model: Path) -> Form:
    """The form of the model in a portable folder: an ONNX graph asks for nothing."""
    manifest: dict[str, Any] = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    return Form(manifest["kind"] == "sklearn", tuple(manifest.get("modules", ())))


def rendered_digest(rendered: Path) -> str:
    """Changes when a file that makes the image does."""
    return digest([file_digest(path) for path in _rendered(rendered, RENDERED)])


def add_image_context(rendered: Path, root: Path, form: Form, into: Path) -> tuple[Locked, ...]:
    """Everything that `docker build` needs: `into` is the whole context. Says what is installed.

    A module that the model's pickle imports and that lies in `root` is copied, so that the release
    keeps the estimator it was trained with; the package of another one that the locked requirements
    do not have is locked now, in the version that is installed here.
    """
    for path in _rendered(rendered, _COPIED):
        shutil.copyfile(path, into / path.name)
    names = (REQUIREMENTS, FOR_GRPC, *((FOR_PICKLES,) if form.pickled else ()))
    texts = [path.read_text(encoding="utf-8") for path in _rendered(rendered, names)]
    (into / REQUIREMENTS).write_text("".join(texts), encoding="utf-8")
    locked = read_locked("".join(texts))
    foreign: set[str] = set()
    for module in form.modules:
        if not _copied(root, module, into):
            foreign |= _unlocked(module, {normal(package.name) for package in locked})
    more = resolved(sorted(foreign), locked)
    write_locked(more, into / PACKAGES)
    write_wheel(into / WHEELS)
    return (*locked, *more)


def readable(into: Path) -> None:
    """The image's user is not the one who packages, and files may be for their owner alone."""
    for path in into.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _rendered(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]


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


def _unlocked(module: str, locked: set[str]) -> set[str]:
    """`name==version` of the package that has a module, unless it is locked or Python's own."""
    if module in sys.stdlib_module_names or module == mlops_spec.__name__:
        return set()
    if module.startswith(OF_CYTHON):
        return set()  # models exported by a version that took it for a module say so
    found = metadata.packages_distributions().get(module)
    if found is None:
        raise Refusal(
            "MLS602",
            f"the model needs the module {module!r}, which no package here and no file beside "
            "mlops.yaml has",
            "put it beside mlops.yaml, or install its package",
        )
    return {f"{name}=={metadata.version(name)}" for name in found if normal(name) not in locked}
