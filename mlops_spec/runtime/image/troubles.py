"""What an engine's last lines mean, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mlops_spec.runtime.refusal import Refusal

_SHOWN: Final = 8  # lines
_NOISE: Final = re.compile(r"^(Copying (blob|config)|Getting image source)|level=warning")
_AGAIN: Final = "then the same command: what is finished is not done again"
# What is said (any engine, any registry), what happened, what to do. The first that fits.
_MEANINGS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"unauthorized|authentication required|access to the requested resource|denied:"
        r"|no basic auth",
        "the registry does not accept these credentials",
        f"{{engine}} login REGISTRY, {_AGAIN}",
    ),
    (
        r"server gave HTTP response to HTTPS client",
        "the registry speaks plain HTTP, and is not on this machine",
        "give it a certificate, or name it insecure in the engine's own settings",
    ),
    (
        r"certificate signed by unknown authority|x509",
        "the registry's certificate is not trusted here",
        "install its authority's certificate for the engine",
    ),
    (
        r"manifest unknown|initializing source|pull access denied|failed to resolve source",
        "the base image cannot be pulled",
        "see whether its registry answers; MLOPS_SPEC_BASE_IMAGE names another, with Python 3.11",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "a package is not the one that was locked",
        "somebody changed it, or the mirror has another one: do not install it before you know",
    ),
    (
        r"No matching distribution found|Could not find a version that satisfies",
        "the build finds no package that it may install",
        "the pip.conf of who builds is used; MLOPS_SPEC_BUILD_ARGUMENTS adds what a mirror or proxy"
        " needs, such as --network=host",
    ),
    (
        r"NewConnectionError|Failed to establish a new connection|Temporary failure in name",
        "the build reaches no package index",
        "the pip.conf of who builds is used; MLOPS_SPEC_BUILD_ARGUMENTS adds what a mirror or proxy"
        " needs, such as --network=host",
    ),
    (
        r"(pinging container registry|dial tcp|lookup) "
        r".*(refused|no such host|timeout|unreachable)",
        "a registry does not answer",
        f"look whether its address is right and whether it runs, {_AGAIN}",
    ),
    (
        r"Cannot connect to the Docker daemon|permission denied while trying to connect",
        "docker's daemon does not answer",
        "start it, or set MLOPS_SPEC_ENGINE to podman or buildah",
    ),
    (
        r"newuidmap|user namespace|Operation not permitted",
        "the engine may not do here what it needs",
        "BUILDAH_ISOLATION=chroot needs fewer rights; podman and buildah read it",
    ),
)  # fmt: skip


def explained(engine: str, doing: str, lines: Sequence[str]) -> Refusal:
    """The refusal for a build or a push that ended with these lines."""
    text = "\n".join(lines)
    telling = [line for line in lines if not _NOISE.search(line)]
    shown = tuple(line[:300] for line in telling[-_SHOWN:])
    if re.search(r"no space left on device|disk quota exceeded", text, re.IGNORECASE):
        return Refusal("MLS604", f"{engine} {doing}: the disk is full",
                       f"make room ({engine} image prune), {_AGAIN}", shown)  # fmt: skip
    for pattern, meaning, help_ in _MEANINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return Refusal(
                "MLS630", f"{engine} {doing}: {meaning}", help_.format(engine=engine), shown
            )
    return Refusal("MLS630", f"{engine} {doing} failed", f"see its last lines; {_AGAIN}", shown)
