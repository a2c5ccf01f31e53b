"""Compiles the kernel for trees while the project is installed or packed.

Zig's C compiler comes as a package, and compiles for every machine on any: who installs needs no
compiler of their own, and an image for another processor has its kernel too. Where it is not there,
the project is installed without a kernel, and ONNX Runtime walks the trees, more slowly.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path(__file__).parent / "mlops_spec/runtime/portable/native"
SOURCE = NATIVE / "trees.c"
# As `kernel.library_path` looks for them.
TARGETS = {
    "trees-linux-x86_64.so": "x86_64-linux-gnu",
    "trees-linux-aarch64.so": "aarch64-linux-gnu",
}
# It stands on no other library, so that one file serves every Linux.
FLAGS = ("-std=c11", "-O3", "-s", "-shared", "-fPIC", "-nostdlib", "-ffp-contract=off", "-Wall")


class KernelHook(BuildHookInterface[Any]):
    """Hatchling's hook; of an editable install as well."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if importlib.util.find_spec("ziglang") is None:
            self.app.display_warning("no ziglang: installed without the kernel for trees")
            return
        for name, target in TARGETS.items():
            compile_kernel(NATIVE / name, target)
            build_data["artifacts"].append(f"/{(NATIVE / name).relative_to(self.root)}")


def compile_kernel(library: Path, target: str) -> None:
    """A library in its place whole or not at all: a process may be using the one before."""
    with tempfile.TemporaryDirectory() as place:
        made = Path(place, library.name)
        command = (sys.executable, "-m", "ziglang", "cc", "-target", target, *FLAGS)
        subprocess.run(  # noqa: S603 - our own interpreter and arguments
            (*command, str(SOURCE), "-o", str(made)), check=True,
            env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": place, "ZIG_LOCAL_CACHE_DIR": place},
        )  # fmt: skip
        beside = library.with_suffix(f".{os.getpid()}")
        beside.write_bytes(made.read_bytes())
        beside.replace(library)
