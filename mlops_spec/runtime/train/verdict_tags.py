"""Verdicts as tags of a model version: what the gates said of it, in the registry's own list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.terms.verdict import Verdict

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

PREFIX: Final = "mlops_spec.verdict."
# MLflow takes 250 characters of a name, and 5,000 of a value in its oldest tables.
NAME_LENGTH: Final = 250
VALUE_LENGTH: Final = 4_000
_NO_NAME: Final = re.compile(r"[^\w.-]+")


def verdict_tags(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """One tag a verdict, `mlops_spec.verdict.<check>`: its line. `verdicts` are as JSON has them.

    A name that two checks share, or that cleaning makes the same, is counted: `roc_auc.2`.
    """
    tags: dict[str, str] = {}
    used: set[str] = set()
    for found in verdicts:
        verdict = Verdict.from_json(dict(found))
        tags[_unused(PREFIX + _cleaned(verdict.check), used)] = cut(verdict.line())
    return tags


def cut(text: str) -> str:
    """One line that a tag can hold; one that was longer ends in `…`."""
    line = " ".join(text.splitlines())
    return line if len(line) <= VALUE_LENGTH else f"{line[: VALUE_LENGTH - 1]}…"


def tag_version(
    client: MlflowClient, model: str, version: ModelVersion, tags: Mapping[str, str]
) -> None:
    """Give a version these tags; verdicts of its former gates that they do not name go."""
    before = dict(version.tags)
    for name, value in tags.items():
        if before.get(name) != value:
            client.set_model_version_tag(model, version.version, name, value)
    for name in before:
        if name.startswith(PREFIX) and name not in tags:
            client.delete_model_version_tag(model, version.version, name)


def _cleaned(check: str) -> str:
    """The check's name in letters, digits, dots, dashes and underscores, with room for a count."""
    return _NO_NAME.sub("_", check).strip("_.")[: NAME_LENGTH - len(PREFIX) - 4] or "check"


def _unused(name: str, used: set[str]) -> str:
    """`name`, or the first count of it that is free. Some databases do not tell case apart."""
    found, count = name, 1
    while found.casefold() in used:
        count += 1
        found = f"{name}.{count}"
    used.add(found.casefold())
    return found
