"""Where a run comes from, kept beside it when it is registered: what only that moment knows."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Csv, Dataset, Parquet, Recipe, Sql
from mlops_spec.runtime.machine.places import replace_text
from mlops_spec.terms.digest import finite

FILE: Final = "origin.json"
FORMAT: Final = 1


def record_origin(
    context: Context, dataset: Dataset, recipe: Recipe, run: str, code: Mapping[str, str],
    packages: str,
) -> None:  # fmt: skip
    """Write `origin.json`: source, columns, split, facets, code, packages, who and when."""
    found = {
        "format": FORMAT,
        "source": _source(dataset),
        "dataset": dataset.name,
        "key": dataset.key,
        "time": dataset.time,
        "label": dataset.label,
        "split": {"by": dataset.split.by, "test": dataset.split.test,
                  "validation": dataset.split.validation},
        "bad_rows": dataset.bad_rows,
        "group": recipe.group,
        "weight": recipe.weight,
        "facets": dict(context.facets),
        "code": dict(code),
        "packages": packages.splitlines(),
        "by": _who(),
        "at": context.store.clock(),
    }  # fmt: skip
    path = context.workspace.run(run) / FILE
    replace_text(path, json.dumps(finite(found), indent=2, ensure_ascii=False))


def read_origin(folder: Path) -> dict[str, Any]:
    """What was recorded; nothing where that is gone or not readable."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def _source(dataset: Dataset) -> str:
    """The source in words. Of SQL the name of the variable: the address may hold a password."""
    match dataset.source:
        case Parquet(path):
            return f"Parquet {path}"
        case Csv(path):
            return f"CSV {path}"
        case Sql(url_env, query):
            return f"SQL at ${url_env}: {' '.join(query.split())}"


def _who() -> str:
    """The account that the flow ran under."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"  # a container without an entry for its user id
