"""Cron, as far as it can be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mlops_spec.diagnostics import Diagnostics
from mlops_spec.diagnostics.catalogue import BAD_CRON
from mlops_spec.link.scope import Scope
from mlops_spec.model.cron import FIELDS, numbers
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.drift import DriftSpec
from mlops_spec.model.spec.model import ModelSpec


def schedules_are_cron(scope: Scope, found: Diagnostics) -> None:
    """MLS322: each of five fields is within its range."""
    for document, loc, text in _schedules(scope):
        mistake = mistake_in(text)
        if mistake:
            found.add(
                BAD_CRON,
                f"{text!r} is not cron: {mistake}",
                at=document.places.value(*loc),
                help='minute, hour, day of the month, month, day of the week: "0 3 * * 1" is '
                "Mondays at 03:00 UTC",
            )


def _schedules(scope: Scope) -> Iterator[tuple[Document[Any], Loc, str]]:
    for monitor in scope.of(DriftSpec):
        yield monitor, ("schedule",), monitor.spec.schedule
    for model in scope.of(ModelSpec):
        if model.spec.retrain.schedule is not None:
            yield model, ("retrain", "schedule"), model.spec.retrain.schedule
        if model.spec.batch and model.spec.batch.schedule is not None:
            yield model, ("batch", "schedule"), model.spec.batch.schedule


def mistake_in(text: str) -> str:
    """What is wrong with a cron line; empty when nothing is."""
    for written, field in zip(text.split(" "), FIELDS, strict=True):
        for part in written.split(","):
            if numbers(part, field) is None:
                return f"{part!r} is no {field.name}, which is {field.least} to {field.most}"
    return ""


RULES: Final = (schedules_are_cron,)
