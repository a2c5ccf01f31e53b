"""The code of metrics that a policy names by dotted path: what a gate's decision depends on too.

Only the module itself is looked at, not what it imports: a metric that is spread over modules is
decided again when its own file changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Final

from mlops_spec.terms.digest import file_digest

_SHOWN: Final = 16  # hex digits
UNKNOWN: Final = "unknown"


def metric_code(metrics: Iterable[str], root: Path) -> dict[str, str]:
    """What stands for the code of each metric that is a dotted path; others are left out.

    The digest of its module's file below `root`, where mlops.yaml lies; of an installed library
    `name version`; `unknown` where neither is found, which the gate tells as an error. Nothing is
    imported.
    """
    own = sorted({metric for metric in metrics if "." in metric})
    return {metric: _of_file(metric, root) or _of_library(metric) for metric in own}


def _of_file(metric: str, root: Path) -> str:
    module = root.joinpath(*metric.split(".")[:-1])
    for file in (module / "__init__.py", module.with_suffix(".py")):
        try:
            return file_digest(file)[:_SHOWN]
        except OSError:
            continue
    return ""


@cache
def _of_library(metric: str) -> str:
    names = packages_distributions().get(metric.partition(".")[0], [])
    return ", ".join(f"{name} {version(name)}" for name in sorted(set(names))) or UNKNOWN
