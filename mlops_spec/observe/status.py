"""What is live in an environment, and why: read from state and supervisor, never changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sqlalchemy import select

from mlops_spec.observe.waiting import (
    NOBODY_ASKED,
    Asks,
    Candidate,
    Held,
    Waiting,
    held_back,
    waiting_for,
)
from mlops_spec.runtime.machine.ended import loops
from mlops_spec.runtime.machine.processes import Process, processes
from mlops_spec.state import Deployment, Deployments, Journal, Store, Window, Windows
from mlops_spec.state.approvals import Approval, last_word
from mlops_spec.state.fallback import fallback_of, warnings_of
from mlops_spec.state.lease import holder_of
from mlops_spec.state.tables import LEASES
from mlops_spec.targets.programs import addresses
from mlops_spec.terms.verdict import Outcome, Verdict, worst
from mlops_spec.terms.workspace import Workspace

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Decision:
    """The last step of a release that was decided: its name, the outcome, the verdicts, when."""

    step: str
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Release:
    """One release with the decision that put it where it is, if there was one.

    `card` is the path of its model card, "" where none was written. `approval`: what a person
    decided on its run, if one did. `fallback`: why scikit-learn answers itself, "" if it does not.
    """

    deployment: Deployment
    decision: Decision | None
    card: str = ""
    approval: Approval | None = None
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A step that failed: what it said, what helps, and when (seconds since 1970)."""

    step: str
    code: str
    message: str
    help: str
    at: float


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model: its releases, production first, and the last window that the monitor closed.

    `waiting` is the candidate that a person has to decide on; `held` one that goes no further;
    `failed` the step that was done last for the model, if it failed.
    """

    name: str
    releases: tuple[Release, ...]
    window: Window | None
    waiting: Waiting | None = None
    held: Held | None = None
    failed: Failed | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """One environment as it is at `now` (seconds since 1970)."""

    environment: str
    now: float
    programs: tuple[Process, ...]
    addresses: tuple[tuple[str, str], ...]
    models: tuple[ModelStatus, ...]
    leases: tuple[tuple[str, str], ...]  # name and holder
    elsewhere: bool = False  # services run on a cluster, and not among the programs

    @property
    def empty(self) -> bool:
        return not self.programs and not any(
            m.releases or m.waiting or m.held or m.failed for m in self.models
        )


_ROLES: Final = ("production", "candidate", "previous", "quarantined")


def look(
    workspace: Workspace, models: tuple[str, ...], state_url: str | None = None,
    asks: Asks = NOBODY_ASKED,
) -> Status:  # fmt: skip
    """The status of an environment. Nothing is created: where nothing was applied, it is empty."""
    found = Status(workspace.environment, 0.0, (), (), tuple(_unknown(m) for m in models), ())
    if state_url is None and not workspace.state.exists():
        return found
    store = Store(state_url) if state_url else Store.at(workspace.state)
    try:
        deployed = Deployments(store, workspace.environment).all()
        recorded = Journal(store, workspace.environment).models()
        names = tuple(sorted({*models, *recorded, *(d.model for d in deployed)}))
        now = store.clock()
        return replace(
            found,
            now=now,
            programs=_programs(workspace, now),
            addresses=addresses(workspace, names),
            models=tuple(_model(store, workspace, name, deployed, asks) for name in names),
            leases=_leases(store),
        )
    finally:
        store.close()


def status_json(status: Status) -> dict[str, Any]:
    """The status for programs."""
    return {
        "format_version": FORMAT,
        "environment": status.environment,
        "programs": [asdict(program) for program in status.programs],
        "addresses": dict(status.addresses),
        "models": [_model_json(model) for model in status.models],
        "leases": dict(status.leases),
    }


def _programs(workspace: Workspace, now: float) -> tuple[Process, ...]:
    """What the supervisor keeps; one that keeps ending says so, though it runs at this moment."""
    found, ending = processes(workspace), loops(workspace, now)
    return tuple(replace(p, reason=p.reason or ending.get(p.name, "")) for p in found)


def _unknown(name: str) -> ModelStatus:
    return ModelStatus(name, (), None)


def _model(
    store: Store, workspace: Workspace, name: str, deployed: tuple[Deployment, ...], asks: Asks
) -> ModelStatus:
    environment = workspace.environment
    journal = Journal(store, environment)
    ours = tuple(sorted((d for d in deployed if d.model == name), key=_place))
    windows = Windows(store, environment).of(name)
    waiting = waiting_for(journal, name, asks, ours)
    held = held_back(journal, name, ours)

    def told(candidate: Candidate) -> Candidate:
        fallback = fallback_of(journal, name, candidate.run)
        return replace(candidate, card=_card(workspace, candidate.run), fallback=fallback)

    return ModelStatus(
        name,
        tuple(_release(journal, workspace, deployment) for deployment in ours),
        windows[-1] if windows else None,
        replace(waiting, candidate=told(waiting.candidate)) if waiting else None,
        replace(held, candidate=told(held.candidate)) if held else None,
        _failed(journal, name),
    )


def _failed(journal: Journal, name: str) -> Failed | None:
    """The newest step of a model, where it failed: what came after it has mended the others."""
    # That nothing is live (MLS709) is told already, and hides why nothing is.
    steps = [step for step in journal.steps(name) if step.output.get("code") != "MLS709"]
    last = max(steps, key=lambda step: step.finished_at or step.started_at, default=None)
    if last is None or last.status != "failed":
        return None
    said = {key: str(last.output.get(key, "")) for key in ("code", "message", "help")}
    return Failed(last.step, at=last.finished_at or last.started_at, **said)


def _place(deployment: Deployment) -> tuple[int, float]:
    return _ROLES.index(deployment.role), -deployment.since


def _release(journal: Journal, workspace: Workspace, deployment: Deployment) -> Release:
    return Release(
        deployment,
        _decision(journal, deployment),
        _card(workspace, deployment.run),
        last_word(journal, deployment.model, deployment.run),
        fallback_of(journal, deployment.model, deployment.run),
    )


def _decision(journal: Journal, deployment: Deployment) -> Decision | None:
    steps = journal.steps(deployment.model, run=deployment.run)
    decided = [s for s in steps if s.output.get("verdicts") and s.finished_at is not None]
    if not decided:
        return None
    last = max(decided, key=lambda step: step.finished_at or 0.0)
    verdicts = tuple(Verdict.from_json(found) for found in last.output["verdicts"])
    return Decision(
        last.step, worst(v.outcome for v in verdicts), verdicts, last.finished_at or 0.0
    )


def _card(workspace: Workspace, run: str) -> str:
    path = workspace.card(run)
    return str(path) if path.exists() else ""


def _leases(store: Store) -> tuple[tuple[str, str], ...]:
    with store.begin() as connection:
        names = connection.execute(select(LEASES.c.name).order_by(LEASES.c.name)).scalars().all()
    held = ((name, holder_of(store, name)) for name in names)
    return tuple((name, holder) for name, holder in held if holder is not None)


def _model_json(model: ModelStatus) -> dict[str, Any]:
    return {
        "model": model.name,
        "releases": [_release_json(release) for release in model.releases],
        "waiting": model.waiting.to_json() if model.waiting else None,
        "held": model.held.to_json() if model.held else None,
        "failed": asdict(model.failed) if model.failed else None,
        "window": asdict(model.window) if model.window else None,
    }


def _release_json(release: Release) -> dict[str, Any]:
    return {
        **asdict(release.deployment),
        "decision": _decision_json(release.decision),
        "approval": release.approval.to_json() if release.approval else None,
        "card": release.card,
        "warnings": warnings_of(release.fallback),
    }


def _decision_json(decision: Decision | None) -> dict[str, Any] | None:
    if decision is None:
        return None
    return {
        "step": decision.step,
        "outcome": decision.outcome.value,
        "verdicts": [verdict.to_json() for verdict in decision.verdicts],
        "at": decision.at,
    }
