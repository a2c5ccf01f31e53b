"""How a model came to where it is: trained on what, judged how, rolled out how, watched since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mlops_spec.state import (
    Deployment,
    Deployments,
    Journal,
    Retraining,
    Retrainings,
    Step,
    Store,
    Window,
    Windows,
)
from mlops_spec.state.fallback import fallback_in, warnings_of
from mlops_spec.terms.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Seen:
    """One judged step of a rollout: how many requests it saw, and what they said."""

    step: str
    requests: int
    verdicts: tuple[Verdict, ...]
    skipped: str


@dataclass(frozen=True, slots=True)
class Story:
    """One run's way, with what is live beside it. Empty parts are steps that were not done."""

    model: str
    run: str
    version: str
    live: Deployment | None
    trained: Mapping[str, Any]  # estimator, rows, train, test, data
    gate: tuple[Verdict, ...]
    rollout: tuple[Seen, ...]
    window: Window | None
    retraining: Retraining | None
    fallback: str = ""  # why scikit-learn answers itself

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "run": self.run,
            "version": self.version,
            "live": asdict(self.live) if self.live else None,
            "trained": dict(self.trained),
            "gate": [verdict.to_json() for verdict in self.gate],
            "rollout": [
                {**asdict(seen), "verdicts": [verdict.to_json() for verdict in seen.verdicts]}
                for seen in self.rollout
            ],
            "window": asdict(self.window) if self.window else None,
            "retraining": asdict(self.retraining) if self.retraining else None,
            "warnings": warnings_of(self.fallback),
        }


def tell_story(store: Store, environment: str, model: str, run: str | None = None) -> Story:
    """The story of `run`, or, where nothing of it was done yet, of the run that is live."""
    journal = Journal(store, environment)
    live = Deployments(store, environment).production(model)
    told = _told_run(journal, model, run, live)
    steps = {s.step: s for s in journal.steps(model, run=told or "-") if s.status == "done"}
    windows = Windows(store, environment).of(model)
    retrainings = Retrainings(store, environment).of(model)
    return Story(
        model=model,
        run=told,
        version=str(_output(steps, "register").get("version", "")),
        live=live,
        trained=_trained(journal, model, steps),
        gate=_verdicts(_output(steps, "gate")),
        rollout=tuple(_rollout(steps)),
        window=windows[-1] if windows else None,
        retraining=retrainings[-1] if retrainings else None,
        fallback=fallback_in(_output(steps, "evaluate")),
    )


def _told_run(journal: Journal, model: str, run: str | None, live: Deployment | None) -> str:
    gated = run and any(s.step == "gate" for s in journal.steps(model, run=run))
    if run and gated:
        return run
    return live.run if live else ""


def _trained(journal: Journal, model: str, steps: Mapping[str, Step]) -> dict[str, Any]:
    fit, split = _output(steps, "fit"), _output(steps, "split")
    if not fit:
        return {}
    snapshots = journal.steps(model, step="snapshot")
    rows = next((s.output["rows"] for s in snapshots if s.output.get("data") == fit["data"]), None)
    return {
        "estimator": fit.get("estimator", ""),
        "data": fit["data"],
        "rows": rows,
        "train": split.get("train"),
        "test": split.get("test"),
    }


def _rollout(steps: Mapping[str, Step]) -> Iterator[Seen]:
    for name, step in steps.items():
        if name == "shadow" or name.startswith("canary-"):
            said = step.output
            requests, skipped = int(said.get("requests", 0)), str(said.get("skipped", ""))
            yield Seen(name, requests, _verdicts(said), skipped)


def _output(steps: Mapping[str, Step], name: str) -> Mapping[str, Any]:
    return steps[name].output if name in steps else {}


def _verdicts(output: Mapping[str, Any]) -> tuple[Verdict, ...]:
    return tuple(Verdict.from_json(found) for found in output.get("verdicts", []))
