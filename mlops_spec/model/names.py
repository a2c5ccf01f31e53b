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
# What a cluster calls things; `host/path:tag` or `host/path@sha256:…` for an image.
GATEWAY_PATTERN: Final = (
    r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/)?[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    r"(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
)
REGISTRY_PATTERN: Final = r"^([a-z0-9]+([._:/-]+[a-z0-9]+)*/?)?$"
IMAGE_PATTERN: Final = r"^[a-z0-9]+([._:/-]+[A-Za-z0-9_]+)*(@sha256:[0-9a-f]{64})?$"
LABEL_KEY_PATTERN: Final = r"^([a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE_PATTERN: Final = r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$"
ADDRESS_RANGE_PATTERN: Final = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f:]*:[0-9a-f:]*)/[0-9]{1,3}$"
HTTP_PATTERN: Final = r"^https?://[^\s/]+(/\S*)?$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Ref = Annotated[str, Field(pattern=NAME_PATTERN)]
DottedPath = Annotated[str, Field(pattern=DOTTED_PATTERN)]
Cron = Annotated[str, Field(pattern=CRON_PATTERN)]
GatewayRef = Annotated[str, Field(pattern=GATEWAY_PATTERN, max_length=316)]
ImageRef = Annotated[str, Field(pattern=IMAGE_PATTERN, max_length=500)]
LabelKey = Annotated[str, Field(pattern=LABEL_KEY_PATTERN, max_length=316)]
LabelValue = Annotated[str, Field(pattern=LABEL_VALUE_PATTERN)]
AddressRange = Annotated[str, Field(pattern=ADDRESS_RANGE_PATTERN)]
HttpAddress = Annotated[str, Field(pattern=HTTP_PATTERN)]
# A column is named by the data, not by us: any text on one line, Greek included.
COLUMN_PATTERN: Final = r"^[^\x00-\x1f\x7f]+$"
ColumnName = Annotated[str, Field(min_length=1, max_length=200, pattern=COLUMN_PATTERN)]


def identifier(column: str) -> str:
    """The Python name that a column's name comes to: `Wind speed (mph)` -> `wind_speed_mph`."""
    folded = unicodedata.normalize("NFKC", column)
    if folded == column and column.isidentifier():
        return column
    return re.sub(r"\W+", "_", folded).strip("_").lower()
