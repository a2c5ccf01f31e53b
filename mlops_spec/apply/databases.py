"""The databases of a model's rows, whose addresses apply hands on to the flows that it starts."""

from __future__ import annotations

import os

from mlops_spec.model.project import LinkedModel


def database_variables(model: LinkedModel) -> dict[str, str]:
    """The variables that its specs name, as they are set where apply runs.

    One that is not set is left out: the flow that needs it says so. Without this, flows would see
    what was set when the platform was first started, and a variable that is new not at all.
    """
    return {name: os.environ[name] for name in sorted(_named(model)) if os.environ.get(name)}


def _named(model: LinkedModel) -> set[str]:
    rows = (model.dataset.spec, model.batch_input)
    queries = (dataset.source.sql for dataset in rows if dataset is not None)
    named = {query.url_env for query in queries if query is not None}
    batch = model.spec.batch
    if batch is not None and batch.output.table is not None:
        named.add(batch.output.table.url_env)
    return named
