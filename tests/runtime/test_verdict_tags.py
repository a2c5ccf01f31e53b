"""What the gates said of a version stands in the registry, a tag a verdict, and no old ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from learning import DATASET, FACETS, RECIPE, context, put, rows, trained

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import AtLeast, Gates, ModelSize
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.train.registry import promote, register, tag_again
from mlops_spec.runtime.train.tracking import client_of
from mlops_spec.runtime.train.verdict_tags import VALUE_LENGTH, verdict_tags
from mlops_spec.state.approvals import Approval, record_approval
from mlops_spec.terms.verdict import Outcome, Verdict

OTHER = {**FACETS, "gate": "other"}
PREFIX = "mlops_spec.verdict."


def tags_of(*verdicts: Verdict) -> dict[str, str]:
    return verdict_tags(verdict.to_json() for verdict in verdicts)


def test_a_name_is_what_mlflow_takes_and_a_value_is_the_line() -> None:
    verdict = Verdict("roc_auc: by [carrier, ώρα] / 50%", Outcome.PASS, 0.8, 0.7, 0.9, 50, "≥ 0.6")
    assert tags_of(verdict) == {f"{PREFIX}roc_auc_by_carrier_ώρα_50": verdict.line()}


def test_checks_of_one_name_are_counted() -> None:
    twice = (Verdict("F1 / x", Outcome.PASS), Verdict("f1 x", Outcome.FAIL, n=3))
    assert tags_of(*twice, Verdict("…", Outcome.ERROR)) == {
        f"{PREFIX}F1_x": "F1 / x: PASS  n=0",
        f"{PREFIX}f1_x.2": "f1 x: FAIL  n=3",
        f"{PREFIX}check": "…: ERROR  n=0",
    }


def test_what_is_too_long_is_cut_and_says_so() -> None:
    ((name, value),) = tags_of(Verdict("m" * 900, Outcome.FAIL, reason="a\nb" * 9000)).items()
    assert (len(name), len(value), value[-1], "\n" in value) == (246, VALUE_LENGTH, "…", False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_gated_again_a_version_shows_the_newest_verdicts_alone(tmp_path) -> None:
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)

    def decided(name: str, *gates: object) -> tuple[str, dict[str, str], dict[str, str]]:
        """The version, what its tags say, and what the gates said."""
        now = context(tmp_path, {**FACETS, "gate": name})
        output = gate(now, Gates(gates), RECIPE, run)
        made = register(now, DATASET, RECIPE, run, "sqlite")["version"]
        lines = [Verdict.from_json(found).line() for found in output["verdicts"]]
        with client_of(now, "sqlite") as client:
            tags = dict(client.get_model_version(now.model, "1").tags)
        said = {name: line for name, line in tags.items() if name.startswith(PREFIX)}
        names = [f"{PREFIX}{line.partition(':')[0].replace(' ', '_')}" for line in lines]
        assert said == dict(zip(names, lines, strict=True))
        return made, said, tags

    made, said, tags = decided("first", AtLeast("roc_auc", 0.6), ModelSize(10**9))
    assert (made, tags["outcome"]) == ("1", "pass")
    assert set(said) == {f"{PREFIX}roc_auc", f"{PREFIX}model_size"}
    assert said[f"{PREFIX}roc_auc"].startswith("roc_auc: PASS  0.")

    made, said, tags = decided("stricter", AtLeast("roc_auc", 0.999))
    assert (made, tags["outcome"]) == ("", "fail")
    assert set(said) == {f"{PREFIX}roc_auc"}
    assert said[f"{PREFIX}roc_auc"].startswith("roc_auc: FAIL  0.")

    made, said, tags = decided("another", AtLeast("accuracy", 0.5))
    assert (made, tags["outcome"], set(said)) == ("1", "pass", {f"{PREFIX}accuracy"})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_gates_that_return_are_what_counts_and_what_stands_there(tmp_path) -> None:
    put(tmp_path, rows())
    lenient, strict = Gates((AtLeast("roc_auc", 0.6),)), Gates((AtLeast("accuracy", 0.999),))
    first = context(tmp_path, {**FACETS, "gate": "first"})
    run = trained(first)
    for place, gates in ((first, lenient), (replace(first, facets=OTHER), strict)):
        gate(place, gates, RECIPE, run)
        register(place, DATASET, RECIPE, run, "sqlite")
    with pytest.raises(Refusal, match="are fail, not pass"):
        promote(replace(first, facets=OTHER), run, "staging", "sqlite")

    assert promote(first, run, "staging", "sqlite") == "1"
    assert tags_in(first) == ("pass", [f"{PREFIX}roc_auc"], None)

    # Live by now, so that nobody promotes it: apply asks for the tags alone.
    strictest = replace(first, facets={**FACETS, "gate": "strictest"})
    gate(strictest, Gates((AtLeast("accuracy", 0.99),)), RECIPE, run)
    register(strictest, DATASET, RECIPE, run, "sqlite")
    assert tags_in(first) == ("fail", [f"{PREFIX}accuracy"], None)
    tag_again(first, run, "sqlite")
    assert tags_in(first) == ("pass", [f"{PREFIX}roc_auc"], None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_rejection_stands_in_the_registry_until_other_verdicts_count(tmp_path) -> None:
    put(tmp_path, rows())
    place = context(tmp_path)
    run = trained(place)
    gate(place, Gates((AtLeast("roc_auc", 0.6),)), RECIPE, run)
    register(place, DATASET, RECIPE, run, "sqlite")
    (gated,) = place.journal.steps(place.model, step="gate", run=run)
    said = Approval("rejected", gated.digest, "ann", "not in the holidays", 1.0, "pass")
    record_approval(place.journal, place.model, run, said)
    tag_again(place, run, "sqlite")
    assert tags_in(place)[2] == "rejected by ann: not in the holidays"

    other = replace(place, facets=OTHER)
    gate(other, Gates((AtLeast("accuracy", 0.5),)), RECIPE, run)
    tag_again(other, run, "sqlite")
    assert tags_in(place) == ("pass", [f"{PREFIX}accuracy"], None)


def tags_in(place: Context) -> tuple[str, list[str], str | None]:
    """Outcome, names of the verdicts, and a person's decision, as the registry has them."""
    with client_of(place, "sqlite") as client:
        tags = dict(client.get_model_version(place.model, "1").tags)
    verdicts = [name for name in tags if name.startswith(PREFIX)]
    return tags["outcome"], verdicts, tags.get("mlops_spec.approval")
