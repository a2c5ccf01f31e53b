"""What `--image` does, and when it is refused because it would do nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from argo_tree import compiled
from cluster_tree import MODEL

from mlops_spec.apply.images import images_given, require_use, use_image
from mlops_spec.apply.site import Site
from mlops_spec.apply.stages import ApplyPlan, ModelPlan, Rollout
from mlops_spec.apply.standing import Standing, StepStanding
from mlops_spec.runtime.cluster.recorded import (
    Instance,
    image_of_release,
    record_image,
    record_instance,
)
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Store

STEPS = ("package", "deploy", "canary-50", "canary-100", "promote")
STANDING = Standing(
    MODEL, (), tuple(StepStanding(name, f"key-{name}", "todo") for name in STEPS),
    "run2", "r2", None, None, None,
)  # fmt: skip


def image(number):
    return f"registry.example/{MODEL}@sha256:{number:064x}"


@pytest.fixture
def site(tmp_path):
    project, files, objects = compiled()
    store = Store.at(tmp_path / "state.db")
    yield Site(tmp_path, project, "production", files, store, objects)
    store.close()


def begun(site, number):
    """A rollout that was killed behind its first canary step."""
    record_image(site.journal, MODEL, "r2", image(number))
    record_instance(site.journal, MODEL, "r2", Instance((), image(number), "s"))
    for name in STEPS[:3]:
        site.journal.start(MODEL, name, f"key-{name}", "run2")
        site.journal.finish(MODEL, name, f"key-{name}", "done", {})


def done(site):
    return [name for name in STEPS if site.journal.done(MODEL, name, f"key-{name}")]


def test_the_same_image_goes_on_where_a_rollout_was_killed(site):
    begun(site, 1)
    told = []

    use_image(site, STANDING, image(1), "a flow", told.append)

    assert (done(site), told) == (["package", "deploy", "canary-50"], [])


def test_another_image_begins_the_rollout_again_and_says_so(site):
    begun(site, 1)
    told = []

    use_image(site, STANDING, image(2), None, told.append)

    assert image_of_release(site.journal, MODEL, "r2") == image(2)
    assert (done(site), told) == (
        [], [f"{MODEL}: another image than before: the rollout of r2 begins again"]
    )  # fmt: skip


def test_another_image_does_not_slip_under_a_rollout_that_is_at_work(site):
    begun(site, 1)

    with pytest.raises(Refusal, match="the rollout flow rolls release r2 of") as no:
        use_image(site, STANDING, image(2), "the rollout flow", print)

    assert no.value.code == "MLS601"
    assert image_of_release(site.journal, MODEL, "r2") == image(1)
    assert done(site) == ["package", "deploy", "canary-50"]


def plan(*stages):
    found = ModelPlan(MODEL, "", (), (), stages, None, STANDING)
    return ApplyPlan("production", (), (found,))


def test_an_image_that_nothing_is_done_with_is_refused_and_the_live_one_is_not(site):
    record_image(site.journal, MODEL, "r2", image(1))

    require_use(site, plan(), {MODEL: image(1)})
    require_use(site, plan(Rollout(MODEL, (), ())), {MODEL: image(2)})
    with pytest.raises(Refusal, match=f"of no use: release r2 serves already, with {image(1)}"):
        require_use(site, plan(), {MODEL: image(2)})


@pytest.mark.parametrize(("environment", "given", "said"), [
    ("local", f"{MODEL}={image(1)}", "means nothing in 'local', where services are processes"),
    ("production", f"flight={image(1)}", "no model named 'flight'"),
    ("production", f"{MODEL}=registry.example/m:latest", "does not name an image by its digest"),
])  # fmt: skip
def test_what_is_given_is_looked_at_before_anything_is_done(site, environment, given, said):
    with pytest.raises(Refusal, match=said):
        images_given(replace(site, environment=environment), [given])
