"""What the exit codes of `spec` mean."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """A shell script or a CI job decides on these; they never change their meaning."""

    FINE = 0
    FAILED = 1  # the spec or the run
    CHANGES = 2  # only with --detailed-exitcode
    NEEDS_APPROVAL = 3
    REFUSED = 4  # a gate said no
    INCONCLUSIVE = 5  # or no data
    USAGE = 64
    OUR_BUG = 70
    INTERRUPTED = 130
