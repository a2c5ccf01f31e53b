"""A version climbs every rung of the registry, whatever steps a rollout has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rollout_world import POLICY, Behaviour, Killed, Stage

ALONE = replace(POLICY, shadow=None)


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path)
    yield found
    found.context.store.close()


def climbed(stage):
    """The rungs in the order in which they were named, and the shares that came between."""
    found = [e for e in stage.world.effects if e in {"stage", "validate", "alias"} or "look" in e]
    stage.world.effects.clear()
    return found


LOOKS = ["look 0.05", "look 0.25", "look 1"]


@pytest.mark.parametrize("policy", [POLICY, ALONE], ids=["shadow", "no shadow"])
def test_a_first_model_climbs_alone(stage, policy):
    stage.register("run1", "1")
    stage.roll_out(policy=policy)

    assert climbed(stage) == ["stage", "validate", "look 1", "alias"]
    assert stage.world.aliases == {"production": "1"}


@pytest.mark.parametrize(
    ("policy", "between"), [(POLICY, ["look at copies"]), (ALONE, [])], ids=["shadow", "no shadow"]
)
def test_it_is_validated_before_it_takes_requests(stage, policy, between):
    stage.register("run1", "1")
    stage.roll_out(policy=policy)
    climbed(stage)
    stage.register("run2", "2")
    stage.roll_out(policy=policy)

    assert climbed(stage) == ["stage", *between, "validate", *LOOKS, "alias"]
    assert stage.world.aliases == {"production": "2"}


def test_what_does_not_answer_as_evaluated_is_never_validated(stage):
    stage.register("run1", "1")
    stage.world.behaviour = Behaviour(ready=False)
    stage.roll_out(policy=ALONE)

    assert climbed(stage) == []
    assert stage.world.aliases == {"quarantined": "1"}


def test_killed_between_two_rungs_it_climbs_on(stage):
    stage.register("run1", "1")
    stage.world.kill_at = 2 * 6 + 1  # just after `stage`
    with pytest.raises(Killed, match="stage"):
        stage.roll_out(policy=ALONE)
    assert stage.world.aliases == {"staging": "1"}
    stage.world.kill_at = None
    stage.roll_out(policy=ALONE)

    assert stage.world.aliases == {"production": "1"}
