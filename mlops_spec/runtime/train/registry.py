"""The step `register`: every candidate is a tracked run with evidence; a passed one a version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.baseline import baseline_of
from mlops_spec.runtime.train.provenance import environment, revision
from mlops_spec.runtime.train.tracking import client_of, experiment_of
from mlops_spec.state.journal import Step
from mlops_spec.terms.keys import gate_key, register_key
from mlops_spec.terms.verdict import Outcome

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Alias = Literal["candidate", "staging", "production"]
RUN_TAG: Final = "mlops_spec.run"
GATE_TAG: Final = "mlops_spec.gate"
EVIDENCE: Final = (
    "evaluation.json",
    "verdicts.json",
    "heldout.parquet",
    "profile.json",
    "portable",
)


def register(context: Context, dataset: Dataset, recipe: Recipe, run: str, registry: str) -> Output:
    """Step `register`: `version` ("" when the gate did not pass), `tracked` (the MLflow run).

    `registry` is `sqlite` or the URL of an MLflow server. Asked twice, or killed half-way and asked
    again, there is one tracked run and one version.
    """
    gate = gate_key(run, context.facets, baseline_of(context, run))
    key = register_key(run, gate)
    return context.step(
        "register", key, run, lambda _: _register(context, dataset, recipe, run, gate, registry)
    )  # fmt: skip


def _register(
    context: Context, dataset: Dataset, recipe: Recipe, run: str, gate: str, registry: str
) -> Output:
    decided = context.journal.done(context.model, "gate", gate)
    if decided is None:
        raise Refusal("MLS602", f"run {run} was not gated", "run the step `gate` first")
    tags = {**_tags(context, recipe, run), GATE_TAG: gate, "outcome": decided.output["outcome"]}
    with client_of(context, registry) as client:
        tracked = _tracked(client, experiment_of(client, context, registry), run, tags)
        if tracked.info.status != "FINISHED":
            _log(client, tracked.info.run_id, context, dataset, recipe, run)
        for name, value in tags.items():
            client.set_tag(tracked.info.run_id, name, value)
        _log_evidence(client, tracked.info.run_id, context.workspace.run(run), ("verdicts.json",))
        client.set_terminated(tracked.info.run_id)
        version = ""
        if decided.output["outcome"] == Outcome.PASS:
            version = _version(client, context.model, tracked, tags)
    code = {name: tags[f"mlops_spec.{name}"] for name in ("code_revision", "code_dirty")}
    return {"version": version, "tracked": tracked.info.run_id, "code": code}


def _tracked(client: MlflowClient, experiment: str, run: str, tags: dict[str, str]) -> Any:
    """The MLflow run of this training run, made once."""
    found = client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{run}'", max_results=1)
    return found[0] if found else client.create_run(experiment, run_name=run, tags=tags)


def _version(client: MlflowClient, model: str, tracked: Any, tags: dict[str, str]) -> str:
    """The model version of this run, made once, as `candidate`."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(model)
    except MlflowException:
        client.create_registered_model(model)
    where = f"name = '{model}' and run_id = '{tracked.info.run_id}'"
    found = list(client.search_model_versions(where))
    if not found:
        source = f"{tracked.info.artifact_uri}/portable"
        found = [client.create_model_version(model, source, tracked.info.run_id, tags=tags)]
        client.set_registered_model_alias(model, "candidate", found[0].version)
    for name, value in tags.items():
        client.set_model_version_tag(model, found[0].version, name, value)
    return str(found[0].version)


def _log(
    client: MlflowClient, tracked: str, context: Context, dataset: Dataset, recipe: Recipe, run: str
) -> None:
    from mlflow.entities import Metric, Param

    evaluation = json.loads((context.workspace.run(run) / "evaluation.json").read_text())
    at = round(context.store.clock() * 1000)
    numbers = {
        f"{name}{suffix}": found[end]
        for name, found in evaluation["metrics"].items()
        for suffix, end in (("", "value"), (".low", "low"), (".high", "high"))
        if found[end] is not None
    }
    client.log_batch(
        tracked,
        metrics=[Metric(name, value, at, 0) for name, value in numbers.items()],
        params=[Param(name, str(value)) for name, value in _params(dataset, recipe).items()],
    )
    client.log_text(tracked, environment(), "environment.txt")
    _log_evidence(client, tracked, context.workspace.run(run), EVIDENCE)


def _log_evidence(client: MlflowClient, tracked: str, folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir():
            client.log_artifacts(tracked, str(path), name)
        elif path.exists():
            client.log_artifact(tracked, str(path))


def _params(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    return {
        "estimator": recipe.estimator,
        "task": recipe.task,
        "seed": recipe.seed,
        "features": ", ".join(recipe.features),
        "dataset": dataset.name,
        "split": f"{dataset.split.by}, test {dataset.split.test:g}",
        **{f"params.{name}": value for name, value in recipe.params.items()},
    }


def _tags(context: Context, recipe: Recipe, run: str) -> dict[str, str]:
    """What identifies the run: its data, each facet of its spec, its code, who it is."""
    fitted = _newest(context, "fit", run)
    return {
        RUN_TAG: run,
        "mlops_spec.model": context.model,
        "mlops_spec.environment": context.environment,
        "mlops_spec.data": _data_of(context, run),
        "mlops_spec.seed": str(recipe.seed),
        "mlops_spec.model_sha256": str(fitted.output["sha256"]) if fitted else "",
        **{f"mlops_spec.facet.{name}": value for name, value in sorted(context.facets.items())},
        **{f"mlops_spec.{name}": value for name, value in revision(context.root).items()},
    }


def _data_of(context: Context, run: str) -> str:
    """The digest of the rows that a run was trained on."""
    fitted = _newest(context, "fit", run)
    return str(fitted.output.get("data", "")) if fitted else ""


def _newest(context: Context, step: str, run: str) -> Step | None:
    done = [
        s for s in context.journal.steps(context.model, step=step, run=run) if s.status == "done"
    ]
    return done[-1] if done else None


# What an alias replaces: a version climbs, it does not stand on two rungs.
_BELOW: Final[dict[str, str]] = {"staging": "candidate", "production": "staging"}


def promote(context: Context, run: str, alias: Alias, registry: str) -> str:
    """Point an alias at the version of a run; the version. What was production becomes `previous`.

    `Refusal` MLS602 unless the newest verdicts on the run are recorded and pass.
    """
    version = promotable(context, run)
    with client_of(context, registry) as client:
        aliases = dict(client.get_registered_model(context.model).aliases)
        before = str(aliases.get(alias, ""))
        if alias == "production" and before not in ("", version):
            client.set_registered_model_alias(context.model, "previous", before)
        if before != version:
            client.set_registered_model_alias(context.model, alias, version)
        below = _BELOW.get(alias)
        if below is not None and str(aliases.get(below, "")) == version:
            client.delete_registered_model_alias(context.model, below)
    return version


def promotable(context: Context, run: str) -> str:
    """The version of a run whose verdicts are recorded and pass. `Refusal` MLS602 otherwise."""
    gated, registered = _newest(context, "gate", run), _newest(context, "register", run)
    if gated is None:
        raise Refusal("MLS602", f"run {run} has no verdicts", "gate it first: spec run train")
    if gated.output["outcome"] != Outcome.PASS:
        raise Refusal(
            "MLS602",
            f"the verdicts on run {run} are {gated.output['outcome']}, not pass",
            "a model is never promoted without passing verdicts",
        )
    if registered is None or not registered.output["version"]:
        raise Refusal("MLS602", f"run {run} is not registered", "run the step `register` first")
    return str(registered.output["version"])
