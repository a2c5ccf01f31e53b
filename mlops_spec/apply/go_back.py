"""Back to the release that served before, in seconds: nothing is trained, built or judged.

The state comes first, then traffic, then the registry. Killed anywhere, the same command finishes:
what was begun is in the journal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from mlops_spec.apply.cluster import ClusterSite
from mlops_spec.apply.look import context_of, lease_of
from mlops_spec.apply.site import Site
from mlops_spec.runtime.cluster.recorded import instance_of
from mlops_spec.runtime.machine.ports import forget_port
from mlops_spec.runtime.machine.processes import remove
from mlops_spec.runtime.machine.waiting import answers_ok
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.router.envoy import cluster_name, publish
from mlops_spec.state import Deployment, Lease, Step
from mlops_spec.terms.digest import digest

STEP: Final = "rollback"
# Seconds for answers on their way, between the router's leaving a release and the end of it.
_DRAIN: Final = 0.5


@dataclass(frozen=True, slots=True)
class WentBack:
    """Which release serves again, instead of which, and who asked for it for what reason."""

    model: str
    back: Deployment
    refused: Deployment
    who: str
    why: str

    @property
    def reason(self) -> str:
        return f"rolled back by {self.who}: {self.why}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> WentBack:
        back, refused = Deployment(**found["back"]), Deployment(**found["refused"])
        return cls(found["model"], back, refused, found["who"], found["why"])


def go_back(site: Site, model: str, *, who: str, why: str, note: Callable[[str], None]) -> WentBack:
    """Let the release that served before serve again. `Refusal` MLS631 when there is none."""
    with Lease(site.store, lease_of(site, model), "spec rollback"):
        begun = _begun(site, model)
        going = WentBack.from_json(begun.output) if begun else _wanted(site, model, who, why)
        key = begun.digest if begun else digest(STEP, going.to_json(), site.store.clock())
        if begun is None:
            site.journal.start(model, STEP, key, going.refused.run)
            site.journal.update(model, STEP, key, going.to_json())
        site.deployments.save(
            replace(going.back, role="production", weight=1.0, mirror=False),
            replace(
                going.refused, role="quarantined", weight=0.0, mirror=False, port=None,
                reason=going.reason[:2000],
            ),
        )  # fmt: skip
        _send_traffic(site, going, note)
        note(f"{model}: version {going.back.version} answers again")
        _name(site, going)
        site.journal.finish(model, STEP, key, "done", going.to_json())
        return going


def _begun(site: Site, model: str) -> Step | None:
    """A rollback that was killed before its end."""
    steps = site.journal.steps(model, step=STEP)
    return next((s for s in reversed(steps) if s.status == "running" and s.output), None)


def _wanted(site: Site, model: str, who: str, why: str) -> WentBack:
    rows = site.deployments.of(model)
    live = site.deployments.production(model)
    before = max((d for d in rows if d.role == "previous"), key=_since, default=None)
    if live is None or before is None:
        raise Refusal(
            "MLS631",
            f"{model} has no release that served before",
            "train and roll out another one with spec apply",
        )
    if any(row.role == "candidate" for row in rows):
        raise Refusal(
            "MLS631",
            f"a candidate of {model} is on its way",
            "run spec apply, which ends its rollout first",
        )
    _require_startable(site, before)
    return WentBack(model, before, live, who, why)


def _since(deployment: Deployment) -> float:
    return deployment.since


def _require_startable(site: Site, before: Deployment) -> None:
    """Traffic is not given to what does not answer, or cannot be started."""
    if site.spec.serve.on == "kubernetes":
        there = instance_of(site.journal, before.model, before.release) is not None
    else:
        there = answers_ok(f"http://127.0.0.1:{before.port}/readyz")
    if not there:
        raise Refusal(
            "MLS631",
            f"release {before.release} of {before.model} served before, and does not answer now",
            "run spec apply, which starts it again, then the same command",
        )


def _send_traffic(site: Site, going: WentBack, note: Callable[[str], None]) -> None:
    if site.spec.serve.on == "kubernetes":
        ClusterSite(site).follow(going.model, note)
        return
    publish(site.workspace, site.deployments)
    time.sleep(_DRAIN)
    program = cluster_name(going.model, going.refused.release)
    remove(site.workspace, program)
    forget_port(site.workspace, program)


def _name(site: Site, going: WentBack) -> None:
    from mlops_spec.runtime.train.returned import name_returned

    context = context_of(site, site.model(going.model))
    name_returned(context, going.back, going.refused, going.reason, site.spec.registry)
