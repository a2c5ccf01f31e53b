"""Images that were built elsewhere: which release each is of, and what becomes of another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlops_spec.apply.site import Site
from mlops_spec.apply.stages import ApplyPlan, Rollout
from mlops_spec.apply.standing import Standing
from mlops_spec.runtime.cluster.recorded import (
    image_of_release,
    instance_of,
    record_image,
    require_digest,
)
from mlops_spec.runtime.refusal import Refusal


def images_given(site: Site, given: list[str]) -> dict[str, str]:
    """`--image MODEL=IMAGE` by model; `Refusal` for an unknown model, a tag, or no cluster."""
    if given and site.spec.serve.on != "kubernetes":
        raise Refusal(
            "MLS630",
            f"--image means nothing in {site.environment!r}, where services are processes",
            "leave it out, or name an environment on a cluster with --env",
        )
    found = dict(one.partition("=")[::2] for one in given)
    known = {model.name for model in site.project.models}
    for model, image in found.items():
        if model not in known:
            raise Refusal(
                "MLS302", f"--image: no model named {model!r}", f"there are: {', '.join(known)}"
            )
        require_digest(image)
    return found


def require_use(site: Site, plan: ApplyPlan, images: Mapping[str, str]) -> None:
    """`Refusal` MLS630 for an image that nothing would be done with; the live one may be named."""
    for model in plan.models:
        image, release = images.get(model.model, ""), model.standing.release
        rolls = any(isinstance(stage, Rollout) for stage in model.stages)
        if not image or rolls or model.blocked is not None or release is None:
            continue
        live = image_of_release(site.journal, model.model, release)
        if live != image:
            raise Refusal(
                "MLS630",
                f"--image {model.model}=… is of no use: release {release} serves already"
                + (f", with {live}" if live else ""),
                "leave it out; another image needs another release: a changed service, or a model"
                " that is trained again",
            )


def use_image(
    site: Site, standing: Standing, image: str, holder: str | None, note: Callable[[str], None]
) -> None:
    """Let the rollout that comes start this image; one that has started another begins again.

    `holder`: who works on the model now. MLS601 when that rollout goes on with the other image.
    """
    model, release = standing.model, standing.release
    assert release is not None, "there is a rollout of it"
    made = instance_of(site.journal, model, release)
    if made is not None and made.image != image and holder is not None:
        raise Refusal(
            "MLS601",
            f"{holder} rolls release {release} of {model} out with {made.image}",
            "wait for its end (`spec status`), or leave --image out, which follows it",
        )
    record_image(site.journal, model, release, image)
    if made is not None and made.image != image:
        for step in standing.rollout:
            if step.key is not None:
                site.journal.forget(model, step.name, step.key)
        note(f"{model}: another image than before: the rollout of {release} begins again")
