"""The step `register`: every candidate is a tracked run with evidence; a passed one a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from mlops_spec.runtime.card.origin import record_origin
from mlops_spec.runtime.context import Context, Output
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.baseline import baseline_of
from mlops_spec.runtime.train.record import newest, record_of
from mlops_spec.runtime.train.tracking import MlflowTracker, client_of, experiment_of
from mlops_spec.runtime.train.verdict_tags import cut, tag_version, verdict_tags
from mlops_spec.state.approvals import approval_of, let_through
from mlops_spec.state.journal import Step
from mlops_spec.terms.keys import gate_key, register_key
from mlops_spec.terms.metric_code import metric_code
from mlops_spec.terms.verdict import Outcome

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

APPROVAL: Final = "mlops_spec.approval"  # the tag of a person's decision

Alias = Literal["candidate", "staging", "validation", "production"]


def register(context: Context, dataset: Dataset, recipe: Recipe, run: str, registry: str) -> Output:
    """Step `register`: `version` ("" when the gate did not pass), `tracked` (the MLflow run).

    `registry` is `sqlite` or the URL of an MLflow server. Asked twice, or killed half-way and asked
    again, there is one tracked run and one version.
    """
    gate = _gate_of(context, run)
    passed_by = let_through(context.journal, context.model, run, gate)
    key = register_key(run, gate, let_through=passed_by)

    def work(_: object) -> Output:
        decided = context.journal.done(context.model, "gate", gate)
        if decided is None:
            raise Refusal("MLS602", f"run {run} was not gated", "run the step `gate` first")
        passed = passed_by or decided.output["outcome"] == Outcome.PASS
        return _register(context, dataset, recipe, decided, registry, passed=passed)

    return context.step("register", key, run, work)


def _gate_of(context: Context, run: str) -> str:
    """The digest of the decision that stands: under these gates, and its metrics' code of now."""
    baseline = baseline_of(context, run)
    for decided in context.journal.steps(context.model, step="gate", run=run):
        code = metric_code(decided.output.get("code", {}), context.root)
        if decided.digest == gate_key(run, context.facets, baseline, code):
            return decided.digest
    return gate_key(run, context.facets, baseline)


def _register(
    context: Context, dataset: Dataset, recipe: Recipe, decided: Step, registry: str, *,
    passed: bool,
) -> Output:  # fmt: skip
    """`passed`: by its gates, or by a person; only that makes a version."""
    from mlops_spec.runtime.card.write import write_card

    run = decided.run
    record = record_of(context, dataset, recipe, decided)
    code = {name: record.tags[f"mlops_spec.{name}"] for name in ("code_revision", "code_dirty")}
    record_origin(context, dataset, recipe, run, code, record.environment)
    with client_of(context, registry) as client:
        tracked = MlflowTracker(client, experiment_of(client, context, registry)).track(record)
        version = ""
        tags = {**record.tags, **verdict_tags(record.verdicts)}
        if passed:
            version = _version(client, context.model, tracked, tags)
        elif (made := _made(client, context.model, tracked)) is not None:
            # Former gates let it through, and these do not: whoever looks at it must see that.
            tag_version(client, context.model, made, tags)
        # Last, because it names the version.
        client.log_artifact(tracked, str(write_card(context, run, version)))
    return {"version": version, "tracked": tracked, "code": code}


def _version(client: MlflowClient, model: str, tracked: str, tags: Mapping[str, str]) -> str:
    """The model version of this run, made once, as `candidate`."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(model)
    except MlflowException:
        client.create_registered_model(model)
    found = _made(client, model, tracked)
    if found is None:
        source = f"{client.get_run(tracked).info.artifact_uri}/portable"
        found = client.create_model_version(model, source, tracked, tags=dict(tags))
    # Not only where it was just made: a kill may have come between the two.
    if str(found.version) not in map(str, client.get_registered_model(model).aliases.values()):
        client.set_registered_model_alias(model, "candidate", found.version)
    tag_version(client, model, found, tags)
    return str(found.version)


def _made(client: MlflowClient, model: str, tracked: str) -> ModelVersion | None:
    """The version that was made of a tracked run before, if there is one."""
    where = f"name = '{model}' and run_id = '{tracked}'"
    return next(iter(client.search_model_versions(where)), None)


# A version climbs: it does not stand on two rungs. staging: it runs beside production, unseen;
# validation: its answers to copies of requests agreed (without a shadow step: those to held-out
# rows), and it takes a share of the real ones.
_RUNGS: Final[tuple[Alias, ...]] = ("candidate", "staging", "validation", "production")


def promote(context: Context, run: str, alias: Alias, registry: str) -> str:
    """Point an alias at the version of a run; the version. What was production becomes `previous`.

    `Refusal` MLS602 unless the verdicts on the run that stand are recorded and pass.
    """
    version = promotable(context, run)
    with client_of(context, registry) as client:
        _tag_as_judged(client, context, run, version)
        aliases = dict(client.get_registered_model(context.model).aliases)
        if alias == "staging" and str(aliases.get("validation", "")) == version:
            return version  # deployed again after a restart: what it has passed it keeps
        before = str(aliases.get(alias, ""))
        if alias == "production" and before not in ("", version):
            client.set_registered_model_alias(context.model, "previous", before)
        if before != version:
            client.set_registered_model_alias(context.model, alias, version)
        _tag_as_decided(client, context, run, version)
        for below in _RUNGS[: _RUNGS.index(alias)]:
            if str(aliases.get(below, "")) == version:
                client.delete_registered_model_alias(context.model, below)
    return version


def _tag_as_judged(client: MlflowClient, context: Context, run: str, version: str) -> None:
    """The verdicts that let it climb: others may have been taken and withdrawn since."""
    gated = _standing(context, run)
    if gated is not None:
        found = client.get_model_version(context.model, version)
        tags = {"outcome": str(gated.output["outcome"])}
        tag_version(
            client, context.model, found, tags | verdict_tags(gated.output.get("verdicts", ()))
        )


def tag_again(context: Context, run: str, registry: str) -> None:
    """Give the version of a run the words of the gates that stand, and of who decided on it."""
    version = version_of(context, run)
    if version:
        with client_of(context, registry) as client:
            _tag_as_judged(client, context, run, version)
            _tag_as_decided(client, context, run, version)


def version_of(context: Context, run: str) -> str:
    """The version that was made of a run; "" where its gates never let it become one."""
    steps = context.journal.steps(context.model, step="register", run=run)
    found = [str(s.output["version"]) for s in steps if s.status == "done" and s.output["version"]]
    return found[-1] if found else ""


def _tag_as_decided(client: MlflowClient, context: Context, run: str, version: str) -> None:
    """A person's last word on the verdicts that stand, with the card that has it."""
    gated = _standing(context, run)
    decision = approval_of(context.journal, context.model, run, gated.digest) if gated else None
    if decision is not None:
        client.set_model_version_tag(context.model, version, APPROVAL, cut(decision.line()))
        _log_card_again(client, context, run)
    elif APPROVAL in client.get_model_version(context.model, version).tags:
        client.delete_model_version_tag(context.model, version, APPROVAL)


def _log_card_again(client: MlflowClient, context: Context, run: str) -> None:
    """The card with the decision on it, in place of the one from before anybody decided."""
    registered, card = newest(context, "register", run), context.workspace.card(run)
    if registered is not None and card.exists():
        client.log_artifact(str(registered.output["tracked"]), str(card))


def promotable(context: Context, run: str) -> str:
    """The version of a run whose verdicts are recorded and pass. `Refusal` MLS602 otherwise."""
    gated = _standing(context, run)
    if gated is None:
        raise Refusal("MLS602", f"run {run} has no verdicts", "gate it first: spec run train")
    passed_by = let_through(context.journal, context.model, run, gated.digest)
    if gated.output["outcome"] != Outcome.PASS and not passed_by:
        raise Refusal(
            "MLS602",
            f"the verdicts on run {run} are {gated.output['outcome']}, not pass",
            "a model is never promoted without passing verdicts or an approval of them",
        )
    key = register_key(run, gated.digest, let_through=passed_by)
    own = context.journal.done(context.model, "register", key)
    registered = own or newest(context, "register", run)
    if registered is None or not registered.output["version"]:
        raise Refusal("MLS602", f"run {run} is not registered", "run the step `register` first")
    return str(registered.output["version"])


def _standing(context: Context, run: str) -> Step | None:
    """The decision under the gates of now, though others came between; else the newest."""
    own = context.journal.done(context.model, "gate", _gate_of(context, run))
    return own or newest(context, "gate", run)
