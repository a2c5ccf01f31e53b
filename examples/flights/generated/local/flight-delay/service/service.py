# Generated from specs/flight-delay.yaml. Do not edit: change the spec, then run `spec render`.
"""The online service of flight-delay: typed rows in, predictions out.

Plain ASGI: `uvicorn service:app`.
"""

from pathlib import Path
from typing import Literal

from mlops_spec.runtime.declare import Trust
from mlops_spec.runtime.service.app import PredictionApp
from mlops_spec.runtime.service.row_types import Key, Time
from pydantic import BaseModel, ConfigDict, Field


class FlightDelayRow(BaseModel):
    """One row to predict."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    carrier: str = Field(
        examples=["text"],
    )
    origin: Literal["EWR", "JFK", "LGA"] = Field(
        examples=["EWR"],
    )
    dest: str = Field(
        examples=["text"],
    )
    distance: float = Field(
        ge=0,
        le=6000,
        description="miles",
        examples=[3000.0],
    )
    departs_hour: int = Field(
        ge=0,
        le=23,
        description="scheduled, local",
        examples=[11],
    )
    weekday: int = Field(
        ge=0,
        le=6,
        description="Monday is 0",
        examples=[3],
    )
    temp: float | None = Field(
        default=None,
        description="°F",
        examples=[0.0],
    )
    dewp: float | None = Field(
        default=None,
        description="°F",
        examples=[0.0],
    )
    humid: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="%",
        examples=[50.0],
    )
    wind_speed: float | None = Field(
        default=None,
        ge=0,
        description="mph",
        examples=[0.0],
    )
    precip: float | None = Field(
        default=None,
        ge=0,
        description="inches",
        examples=[0.0],
    )
    pressure: float | None = Field(
        default=None,
        description="millibars",
        examples=[0.0],
    )
    visib: float | None = Field(
        default=None,
        ge=0,
        description="miles",
        examples=[0.0],
    )
    row_key: str | Key | None = Field(
        default=None,
        alias="flight_id",
        description="identifies the row; joins the prediction to its label",
    )
    row_time: Time | None = Field(
        default=None,
        alias="departs_at",
        description="when the row was known; UTC without a zone",
    )


class FlightDelayPrediction(BaseModel):
    """The answer for one row."""

    score: float = Field(description="probability of the positive class")
    decision: bool | int | float | str = Field(description="the class that is predicted")


class FlightDelayAnswer(BaseModel):
    """What POST /predict answers: a prediction for each row, and by which model."""

    model: str
    release: str
    version: str
    request_id: str
    predictions: list[FlightDelayPrediction]


app = PredictionApp(
    row=FlightDelayRow,
    answer=FlightDelayAnswer,
    folder=Path(__file__).parent,
    max_rows=1000,
    timeout=2,
    trust=Trust(environment="local", signer="workspace"),
)
