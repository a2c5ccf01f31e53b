"""Rendered text: a set of files, by path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class FileSet:
    """Text by POSIX path, relative to the project root; iterates in order of path."""

    texts: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", MappingProxyType(dict(sorted(self.texts.items()))))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.texts.items())

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(self.texts)

    def digests(self) -> dict[str, str]:
        """SHA-256 of each file's bytes, in hex."""
        return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in self}
