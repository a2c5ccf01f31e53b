"""The rollout as a state machine: what takes over, what is rolled back, and what a kill leaves."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from rollout_world import POLICY, Behaviour, Killed, Stage

from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.rollout.steps import Unproven, promote
from mlops_spec.terms import keys
from mlops_spec.terms.steps import rollout_steps


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path)
    yield found
    found.context.store.close()


@pytest.fixture
def second(stage):
    """A stage where one release serves and another run is registered: (stage, first, second)."""
    first = stage.register("run1", "1")
    stage.roll_out()
    new = stage.register("run2", "2")
    stage.world.effects.clear()
    stage.world.seen.clear()
    return stage, first, new


def output_of(stage, step, release, production):
    found = stage.context.journal.done("m", step, keys.rollout_key(step, release, production))
    return found.output if found else None


def test_a_first_model_takes_all_traffic_and_says_that_nothing_was_compared(stage):
    first = stage.register("run1", "1")

    ending = stage.roll_out()

    assert ending.outcome == "pass"
    assert stage.roles() == {first: ("production", 1.0, False)}
    assert output_of(stage, "canary-5", first, "")["skipped"] == "no production to compare with"
    last = output_of(stage, "canary-100", first, "")
    assert [verdict["check"] for verdict in last["verdicts"]] == ["errors", "p99"]
    assert last["note"] == "no production to compare with: scores are not judged"


def test_a_good_release_goes_through_every_step_and_the_old_one_stays_ready(second):
    stage, first, new = second

    ending = stage.roll_out()

    assert ending.outcome == "pass"
    assert stage.roles() == {first: ("previous", 0.0, False), new: ("production", 1.0, False)}
    assert stage.world.running == {first, new}
    assert stage.world.aliases == {"production": "2"}
    steps = rollout_steps((0.05, 0.25, 1.0), shadow=True)
    assert all(output_of(stage, step, new, first) is not None for step in steps)


def test_the_router_sees_the_declared_shares_in_order(second):
    stage, _first, new = second

    stage.roll_out()

    shares = [seen.get(new, (0.0, False)) for seen in stage.world.seen]
    assert list(dict.fromkeys(shares)) == [
        (0.0, False), (0.0, True), (0.05, False), (0.25, False), (1.0, False)
    ]  # fmt: skip
    assert all(sum(w for w, _ in seen.values()) == pytest.approx(1) for seen in stage.world.seen)


def test_a_third_release_retires_the_oldest(second):
    stage, _first, new = second
    stage.roll_out()
    third = stage.register("run3", "3")

    stage.roll_out()

    assert stage.roles() == {new: ("previous", 0.0, False), third: ("production", 1.0, False)}
    assert stage.world.running == {new, third}


BAD = {
    "does not become ready": (Behaviour(ready=False), "deploy"),
    "fails two answers in a hundred more": (Behaviour(errors=0.03), "shadow"),
    "is slow": (Behaviour(seconds=0.4), "canary-5"),
    "scores otherwise": (Behaviour(score=lambda random, n: random.random(n) ** 4), "shadow"),
}


@pytest.mark.parametrize(("how", "step"), BAD.values(), ids=BAD)
def test_a_bad_release_is_rolled_back_and_quarantined(second, how, step):
    stage, first, new = second
    stage.world.behaviour = how

    ending = stage.roll_out()

    assert ending.outcome == "fail"
    assert ending.reason.startswith(f"{step}: fail: ")
    assert stage.roles() == {first: ("production", 1.0, False), new: ("quarantined", 0.0, False)}
    assert stage.world.router == {first: (1.0, False)}
    assert stage.world.running == {first}
    assert stage.world.aliases == {"production": "1", "quarantined": "2"}


def test_no_traffic_is_not_a_pass(second):
    stage, _first, new = second
    stage.world.behaviour = Behaviour(requests=0)

    ending = stage.roll_out()

    assert (ending.outcome, ending.reason) == ("no_data", "shadow: no_data: no requests in 300 s")
    assert stage.roles()[new] == ("quarantined", 0.0, False)


def test_too_little_traffic_is_not_a_pass(second):
    stage, _first, _new = second
    stage.world.behaviour = Behaviour(requests=1)

    ending = stage.roll_out()

    assert ending.outcome == "inconclusive"
    assert ending.reason.startswith("shadow: inconclusive: undecided after 300 s, 300 of 400")


def test_when_production_fails_as_much_nobody_is_promoted_and_nobody_is_blamed(second):
    stage, first, _new = second
    stage.world.behaviour = Behaviour(errors=0.2)
    stage.world.production = Behaviour(errors=0.2)

    ending = stage.roll_out(policy=replace(POLICY, shadow=None))

    assert ending.outcome == "inconclusive"
    assert "both arms suffer" in ending.reason
    assert stage.roles()[first] == ("production", 1.0, False)


def test_a_quarantined_release_runs_again_only_when_asked(second):
    stage, _first, new = second
    stage.world.behaviour = Behaviour(errors=0.5)
    stage.roll_out()
    stage.world.behaviour = Behaviour()

    with pytest.raises(Refusal, match="was rolled back: shadow: fail") as refused:
        stage.roll_out()

    assert refused.value.code == "MLS608"
    assert stage.roll_out(retry=True).outcome == "pass"
    assert stage.roles()[new] == ("production", 1.0, False)


def test_without_a_registered_run_the_rollout_says_what_to_do(stage):
    with pytest.raises(Refusal, match="no run of m is registered") as refused:
        stage.roll_out()

    assert refused.value.help == "train a model whose gates pass first: spec run train m"


def test_a_release_that_was_replaced_is_judged_anew_when_it_returns(second):
    stage, first, _new = second
    stage.roll_out()
    stage.roll_out("run1")
    stage.roll_out("run2")
    stage.world.effects.clear()

    stage.roll_out("run1")

    assert "look 0.05" in stage.world.effects
    assert stage.roles()[first] == ("production", 1.0, False)


def test_evidence_that_cannot_be_read_rolls_back(second):
    stage, _first, new = second

    def torn(*_):
        raise ValueError("Parquet magic bytes not found")

    stage.world.pairs = lambda _: type("Sight", (), {"count": torn, "pairs": torn})()

    ending = stage.roll_out()
    assert ending.outcome == "error"
    assert "the evidence cannot be read: ValueError: Parquet magic bytes" in ending.reason
    assert stage.roles()[new] == ("quarantined", 0.0, False)


def test_an_error_that_is_no_verdict_takes_the_candidate_out_of_the_router(second):
    stage, first, new = second

    def broken(*_):
        raise RuntimeError("a bug")

    stage.world.arms = lambda *_: type("Sight", (), {"count": broken, "arms": broken})()

    with pytest.raises(Refusal, match="a bug"):
        stage.roll_out()

    assert stage.roles()[new] == ("candidate", 0.0, False)
    assert stage.world.router == {first: (1.0, False)}


def test_nothing_is_promoted_without_evidence_of_every_step(second):
    from mlops_spec.runtime.rollout import begin

    stage, _first, _new = second
    rollout = begin(stage.context, stage.world, POLICY)

    with pytest.raises(Unproven, match="deploy has not passed"):
        promote(rollout)

    assert stage.world.aliases == {"production": "1"}


@pytest.mark.parametrize("wait", [1, 8, 16, 60, 75])
def test_killed_while_it_waits_the_step_starts_anew_and_finishes(second, wait):
    stage, first, new = second
    stage.kill_at_wait = wait

    with pytest.raises(Killed):
        stage.roll_out()
    weights = [weight for _, weight, _ in stage.roles().values()]

    assert sum(weights) == pytest.approx(1)
    assert stage.roll_out().outcome == "pass"
    assert stage.roles() == {first: ("previous", 0.0, False), new: ("production", 1.0, False)}


def _effects_of(tmp_path, behaviour):
    stage = Stage(tmp_path / "count")
    stage.register("run1", "1")
    stage.roll_out()
    stage.register("run2", "2")
    stage.world.effects.clear()
    stage.world.behaviour = behaviour
    stage.roll_out()
    stage.context.store.close()
    return len(stage.world.effects), stage.roles(), stage.world.running


@pytest.mark.slow
@pytest.mark.parametrize(
    "behaviour", [Behaviour(), Behaviour(seconds=0.4)], ids=["promoted", "rolled back"]
)
def test_killed_before_or_after_any_effect_the_same_command_finishes(tmp_path, behaviour):
    effects, roles, running = _effects_of(tmp_path, behaviour)

    for kill_at in range(2 * effects):
        stage = Stage(tmp_path / str(kill_at))
        first = stage.register("run1", "1")
        stage.roll_out()
        stage.register("run2", "2")
        stage.world.effects.clear()
        stage.world.behaviour = behaviour
        stage.world.kill_at = kill_at
        with pytest.raises(Killed):
            stage.roll_out()
        stage.world.kill_at = None
        shares = [weight for _, weight, _ in stage.roles().values()]

        assert sum(shares) == pytest.approx(1), kill_at
        # Once the quarantine is written, what is left of the rollback is done, and that is said.
        with suppress(Refusal):
            stage.roll_out()
        assert stage.roles() == roles, kill_at
        assert stage.world.running == running, kill_at
        assert first in stage.world.running
        stage.context.store.close()
