"""What stops a step that is not our bug: the data, the estimator, the machine."""

from __future__ import annotations

from typing import Any, Final

# What helps where files of a run are gone: its steps count as done, and those of another do not.
ANOTHER_RUN: Final = "change `train.seed`, so that it is another run, then spec apply"
_LONGEST: Final = 300  # characters of a message of somebody else


def gist(error: BaseException) -> str:
    """The first line of another library's message, as plain text, cut where it becomes a page."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    said = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in said)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


class Refusal(Exception):
    """A step cannot be done. `code` is of the catalogue (MLS6xx, MLS7xx), `help` says what to do.

    `transient`: a server or a lock; the same may succeed a moment later. `field`: what of the specs
    owns the trouble, as `("model", NAME, "serve", "resources")` or `("environment", "serve",
    "images")`; whoever prints it knows the line, `at`. A step that knows no name says `("data",
    ...)` of the Dataset that it reads, or a path of its model.

    It crosses process borders as JSON in the journal, so that `spec apply` can print it like any
    other diagnostic.
    """

    def __init__(
        self,
        code: str,
        message: str,
        help: str = "",
        details: tuple[str, ...] = (),
        *,
        transient: bool = False,
        field: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.details = details
        self.transient = transient
        self.field = field
        self.at = ""

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "help": self.help,
            "details": list(self.details),
        }
        found |= {"field": list(self.field)} if self.field else {}
        return {**found, "at": self.at} if self.at else found
