"""Names and how they are written."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final

from pydantic import Field

# A name becomes a Kubernetes object, a path, a Prefect flow and a metric label: DNS label syntax.
NAME_PATTERN: Final = r"^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$"
# A dotted path to a Python object: what `estimator` takes.
DOTTED_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"
CRON_PATTERN: Final = r"^\S+ \S+ \S+ \S+ \S+$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Ref = Annotated[str, Field(pattern=NAME_PATTERN)]
DottedPath = Annotated[str, Field(pattern=DOTTED_PATTERN)]
Cron = Annotated[str, Field(pattern=CRON_PATTERN)]
# A column is named by the data, not by us: any text on one line, Greek included.
COLUMN_PATTERN: Final = r"^[^\x00-\x1f\x7f]+$"
ColumnName = Annotated[str, Field(min_length=1, max_length=200, pattern=COLUMN_PATTERN)]


def identifier(column: str) -> str:
    """The Python name that a column's name comes to: `Wind speed (mph)` -> `wind_speed_mph`."""
    folded = unicodedata.normalize("NFKC", column)
    if folded == column and column.isidentifier():
        return column
    return re.sub(r"\W+", "_", folded).strip("_").lower()
