"""A version that serves again: the registry's aliases follow."""

from __future__ import annotations

from typing import Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.train.tracking import client_of
from mlops_spec.state import Deployment

TAG_LENGTH: Final = 4_000  # MLflow's tables take 5,000 characters


def name_returned(
    context: Context, back: Deployment, refused: Deployment, reason: str, registry: str
) -> None:
    """`production` is what serves again; the other version says why it does not."""
    with client_of(context, registry) as client:
        client.set_registered_model_alias(context.model, "production", back.version)
        aliases = dict(client.get_registered_model(context.model).aliases)
        if str(aliases.get("previous", "")) == back.version:
            client.delete_registered_model_alias(context.model, "previous")
        client.set_model_version_tag(
            context.model, refused.version, "mlops_spec.quarantined", reason[:TAG_LENGTH]
        )
