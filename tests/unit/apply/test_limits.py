"""Which line of the specs stopped a release."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from argo_tree import compiled, write_flights

from mlops_spec.apply.limits import limit_that_stopped, limits_of
from mlops_spec.apply.standing import StepStanding
from mlops_spec.terms.verdict import Outcome, Verdict

CHECKS = {
    "errors": "errors: {above: 1%}",
    "lost copies": "errors: {above: 1%}",
    "p99": "p99: {above: 250ms}",
    "requests": "each: {min_requests: 400",
}


def step(*verdicts):
    said = [verdict.to_json() for verdict in verdicts]
    return StepStanding("canary-50", "key", "done", {"verdicts": said})


@pytest.mark.parametrize("check", CHECKS)
def test_the_line_and_the_column_of_a_limit_are_told(check):
    project, *_ = compiled()
    found = limit_that_stopped(
        (step(Verdict("ready", Outcome.PASS)), step(Verdict(check, Outcome.FAIL))),
        limits_of(project.models[0]),
    )

    path, line, column = found.split(":")
    with TemporaryDirectory() as place:
        text = (write_flights(Path(place)) / path).read_text(encoding="utf-8")
    value = CHECKS[check].rpartition(" ")[2].rstrip("}")
    assert text.splitlines()[int(line) - 1][int(column) - 1 :].startswith(value)


def test_harm_is_told_before_a_doubt_and_what_has_no_limit_has_no_line():
    limits = {"errors": "s:1:1", "p99": "s:2:2"}
    doubt, harm = Verdict("errors", Outcome.INCONCLUSIVE), Verdict("p99", Outcome.FAIL)

    assert limit_that_stopped((step(doubt), step(harm)), limits) == "s:2:2"
    assert limit_that_stopped((step(Verdict("argo", Outcome.FAIL)),), limits) == ""
    assert limit_that_stopped((step(Verdict("errors", Outcome.PASS)),), limits) == ""
