"""Nothing leaves the compiler that its reader would not parse."""

from __future__ import annotations

import re
import warnings
from pathlib import PurePosixPath
from typing import Final

import yaml

_INSTRUCTIONS: Final = re.compile(
    "FROM|RUN|CMD|LABEL|EXPOSE|ENV|ADD|COPY|ENTRYPOINT|VOLUME|USER|WORKDIR|ARG|ONBUILD|STOPSIGNAL|"
    "HEALTHCHECK|SHELL"
)


class IllFormed(Exception):
    """A file that does not parse (MLS501): a bug of ours, with the place in our output."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"MLS501: {path}: {reason}")
        self.path = path
        self.reason = reason


def check_well_formed(path: str, text: str) -> None:
    """Raise `IllFormed` for a text that the reader of such a file would refuse."""
    _check_text(path, text)
    match PurePosixPath(path):
        case PurePosixPath(suffix=".py"):
            _check_python(path, text)
        case PurePosixPath(suffix=".yaml"):
            _check_yaml(path, text)
        case PurePosixPath(name="Dockerfile"):
            _check_dockerfile(path, text)


def _check_text(path: str, text: str) -> None:
    control = re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    if control:
        raise IllFormed(path, f"control character {control[0]!r} in the text")
    if not text.endswith("\n"):
        raise IllFormed(path, "no newline at the end")


def _check_python(path: str, text: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, Warning) as error:
        raise IllFormed(path, str(error)) from error


def _check_yaml(path: str, text: str) -> None:
    try:
        for _ in yaml.safe_load_all(text):
            pass
    except yaml.YAMLError as error:
        raise IllFormed(path, str(error)) from error


def _check_dockerfile(path: str, text: str) -> None:
    """Every logical line starts with an instruction, and the image does not run as root."""
    logical = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    words = [line.split(maxsplit=1) for line in logical.splitlines() if line.strip()]
    unknown = [line[0] for line in words if not _INSTRUCTIONS.fullmatch(line[0])]
    if unknown:
        raise IllFormed(path, f"{unknown[0]!r} is not a Dockerfile instruction")
    users = [line[1] for line in words if line[0] == "USER" and len(line) > 1]
    if not users or users[-1].split(":")[0] in ("root", "0"):
        raise IllFormed(path, "the last USER is root")
