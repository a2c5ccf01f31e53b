"""A rendered request allows what the columns of the Dataset allow, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from language import REPOSITORY
from pydantic import BaseModel, ValidationError

from mlops_spec.lower import lower
from mlops_spec.lower.service import EXACT, request_field
from mlops_spec.model.plan import RequestField, ServiceApp
from mlops_spec.model.spec.dataset import Column
from mlops_spec.pipeline import compile_project
from mlops_spec.render.templates import render_artifact

NUMBERS = (-(10**17), -EXACT, -1, 0, 1, 49, 50, 51, EXACT, EXACT + 1, 10**17)
BOUNDS: tuple[dict[str, Any], ...] = (
    {}, {"min": 0}, {"max": 50}, {"min": 0, "max": 50}, {"min": 0.5, "max": 49.5},
    {"min": -1e300, "max": 1e300},
)  # fmt: skip


@pytest.fixture(scope="module")
def service() -> ServiceApp:
    flights = compile_project(REPOSITORY / "examples" / "flights")[0]
    (found,) = (a for a in lower(flights, "local").artifacts if isinstance(a, ServiceApp))
    return found


def _row(service: ServiceApp, field: RequestField) -> type[BaseModel]:
    """The model of a row that has this field alone, as the rendered service defines it."""
    files = render_artifact(replace(service, fields=(field,)))
    (text,) = (text for path, text in files.items() if path.endswith("service/service.py"))
    names: dict[str, Any] = {}
    code = compile(text.partition("\napp = ")[0], "service.py", "exec", dont_inherit=True)
    exec(code, names)  # our own template's text
    row: type[BaseModel] = names[f"{service.class_name}Row"]
    return row


def _taken(row: type[BaseModel]) -> list[int]:
    def takes(number: int) -> bool:
        try:
            row.model_validate({"n": number})
        except ValidationError:
            return False
        return True

    return [number for number in NUMBERS if takes(number)]


@pytest.mark.parametrize("nullable", [False, True], ids=["required", "nullable"])
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_a_whole_number_is_taken_within_its_columns_bounds_and_what_a_float_holds(
    service: ServiceApp, bounds: dict[str, float], nullable: bool
) -> None:
    column = Column(type="integer", nullable=nullable, **bounds)
    least, most = bounds.get("min", -EXACT), bounds.get("max", EXACT)
    assert _taken(_row(service, request_field("n", "n", column))) == [
        n for n in NUMBERS if max(least, -EXACT) <= n <= min(most, EXACT)
    ]


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_a_number_is_taken_within_its_columns_bounds(
    service: ServiceApp, bounds: dict[str, float]
) -> None:
    column = Column(type="float", **bounds)
    least, most = bounds.get("min", -1e300), bounds.get("max", 1e300)
    assert _taken(_row(service, request_field("n", "n", column))) == [
        n for n in NUMBERS if least <= n <= most
    ]
