"""The compiled kernel (`trees.c`), where there is one for this machine."""

from __future__ import annotations

import ctypes
import platform
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

# As `build_kernel` names them: one library for each, which stands on no other.
LIBRARY: Final = "trees-{system}-{machine}.so"
# As in `trees.c`, counted up with every change of what the two hand each other: one that was built
# before would read memory that is none of its own.
NUMBER: Final = 2
_MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}


def library_path() -> Path:
    """Where the kernel of this machine lies, if it has been built."""
    machine = platform.machine().lower()
    name = LIBRARY.format(system=sys.platform, machine=_MACHINES.get(machine, machine))
    return Path(__file__).with_name(name)


@dataclass(frozen=True, slots=True)
class Kernel:
    """The kernel, called in two ways."""

    lets_go: ctypes.CDLL  # of the interpreter, for as long as it works
    keeps_hold: ctypes.PyDLL


@cache
def kernel() -> Kernel | None:
    """The kernel; None where it was not built, cannot be loaded or is of another version."""
    path = str(library_path())
    try:
        found = Kernel(ctypes.CDLL(path), ctypes.PyDLL(path))
        return found if found.lets_go.kernel_number() == NUMBER else None
    except (OSError, AttributeError):
        return None


class Trees(ctypes.Structure):
    """`Trees` of the kernel."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in
          ("nodes", "roots", "targets", "values", "words")),
        *((name, ctypes.c_uint64) for name in
          ("trees", "columns", "answers", "several", "blocks", "wide")),
        ("divisor", ctypes.c_double), ("start", ctypes.c_void_p), ("slope", ctypes.c_double),
    ]  # fmt: skip
