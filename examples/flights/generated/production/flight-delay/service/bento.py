# Generated from specs/flight-delay.yaml. Do not edit: change the spec, then run `spec render`.
"""The same service for `bentoml serve`; images and processes run service:app without it."""

import bentoml
from service import app


@bentoml.service(
    name="flight-delay",
    workers=1,
    traffic={"timeout": 2},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},  # the app's own /metrics has them
)
@bentoml.asgi_app(app)
class FlightDelay:
    """Keeps the model loaded and the prediction log open while a worker runs."""

    def __init__(self) -> None:
        app.open()

    @bentoml.on_shutdown
    def close(self) -> None:
        """Write what the prediction log still holds."""
        app.close()
