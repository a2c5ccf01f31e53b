"""Models that must not serve: a gate says no, a canary rolls back; production keeps answering."""

from __future__ import annotations

import pytest
from asking import client
from stories import UsersProject

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

GOOD = r"estimator: sklearn.linear_model.LogisticRegression\n  params: \{\}"
STUMP = "estimator: sklearn.tree.DecisionTreeClassifier\n  params: {max_depth: 1}"
# The canary alone must notice: golden rows and copies come before it, and are few.
NO_SHADOW = (r"shadow: .*\n", "")


def test_a_worse_model_stops_at_the_gate_and_is_not_trained_twice(trips: UsersProject) -> None:
    production, versions = trips.production, trips.versions()
    trips.edit(GOOD, STUMP)
    with client(trips) as answers:
        refused = trips.apply(code=4)
    assert not answers.failed, answers.words
    assert set(answers.good) == {production}
    assert "FAIL" in refused.out
    assert trips.versions() == versions

    before = trips.snapshot_of_work()
    again = trips.apply(code=4)
    assert "the gate said no" in again.out
    assert trips.snapshot_of_work() == before
    assert trips.production == production


def test_a_model_that_was_trained_again_unchanged_is_held(trips: UsersProject) -> None:
    production, versions = trips.production, trips.versions()
    trips.edit(GOOD, "estimator: sklearn.linear_model.LogisticRegression\n  params: {verbose: 0}")
    held = trips.apply(code=5)
    assert "both answer every row alike: nothing to promote" in " ".join(held.out.split())
    assert trips.production == production
    assert trips.versions() == versions

    before = trips.snapshot_of_work()
    assert "the gate is inconclusive" in trips.apply(code=5).out
    assert trips.snapshot_of_work() == before


@pytest.mark.parametrize(
    ("broken", "check"), [("fails: true", "errors: FAIL"), ("sleeps: 0.7", "p99: FAIL")]
)
def test_a_broken_service_is_rolled_back_by_its_canary(
    trips: UsersProject, broken: str, check: str
) -> None:
    production = trips.production
    trips.edit(GOOD, f"estimator: flaky.Flaky\n  params: {{{broken}}}")
    trips.edit(*NO_SHADOW)
    trips.edit("above: 2s", "above: 300ms")
    trips.ask_for_another_run()
    with client(trips) as answers:
        refused = trips.apply(code=4)
    assert not answers.failed[production] + answers.failed[""], answers.words
    assert answers.good[production] > 50
    ((release, reason),) = trips.state(
        "select release, reason from deployments where role = 'quarantined'"
        " order by since desc limit 1"
    )
    assert reason.startswith("canary-20: fail: ")
    assert check in reason
    assert reason.split(":")[0] in refused.out
    assert " ".join(reason.split()) in " ".join(trips.spec("status").out.split())
    assert trips.production == production
    assert trips.state("select weight from deployments where role = 'production'") == [(1.0,)]

    before = trips.snapshot_of_work()
    assert f"release {release} was rolled back" in trips.apply(code=4).out
    assert trips.snapshot_of_work() == before

    if "fails" not in broken:
        return  # once is enough for what follows
    fitted = trips.done("fit")
    trips.apply("--retry", code=4)
    rollouts = [name for name, _ in trips.flow_runs() if name == "trip-rollout"]
    assert len(rollouts) == [name for name, _ in before[2]].count("trip-rollout") + 1
    assert trips.done("fit") == fitted
    assert trips.production == production
