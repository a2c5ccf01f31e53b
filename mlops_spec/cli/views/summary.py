"""The last screen: what was trained, every verdict, what the rollout saw, where things are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from mlops_spec.apply.look import plan_one
from mlops_spec.apply.site import Site
from mlops_spec.apply.standing import Standing, StepStanding
from mlops_spec.cli.views.steps import count
from mlops_spec.targets.platform import addresses
from mlops_spec.terms.verdict import Outcome, Verdict

_COLOURS = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "red"}


def summary_json(site: Site) -> list[dict[str, Any]]:
    """The same for machines: what is live, and every step's record."""
    found = []
    for model in site.project.models:
        standing = plan_one(site, model).standing
        steps = {s.name: dict(s.output) for s in (*standing.train, *standing.rollout)}
        live = standing.live
        found.append(
            {
                "model": model.name,
                "run": standing.run,
                "release": standing.release,
                "live": None
                if live is None
                else {"release": live.release, "version": live.version},
                "steps": steps,
            }
        )
    return found


def summary_lines(site: Site) -> Iterator[str]:
    """About ten lines a model, with rich markup."""
    for model in site.project.models:
        yield ""
        yield from _model_lines(site, plan_one(site, model).standing)
    yield from _places(site)


def _model_lines(site: Site, standing: Standing) -> Iterator[str]:
    live = standing.live
    if live is None:
        yield f"[bold]{standing.model}[/]  nothing is live"
    else:
        yield f"[bold]{standing.model}[/]  version {live.version} is live, release {live.release}"
    steps = {step.name: step for step in (*standing.train, *standing.rollout)}
    yield from _trained(steps)
    for verdict in _verdicts(steps.get("gate")):
        yield _verdict_line("gate", verdict)
    for step in _recorded_rollout(site, standing):
        worst = _verdicts(step)
        seen = f"{count(step.output.get('requests', 0))} requests"
        yield f"  {step.name:<11} {seen:<15} {'  '.join(_short(v) for v in worst)}"


def _trained(steps: dict[str, StepStanding]) -> Iterator[str]:
    fit, split, snapshot = (steps[name].output for name in ("fit", "split", "snapshot"))
    if fit and split and snapshot:
        estimator = str(fit.get("estimator", "")).rpartition(".")[2]
        yield (
            f"  trained     {estimator} on {count(split.get('train', 0))} rows, judged on "
            f"{count(split.get('test', 0))}, of {count(snapshot.get('rows', 0))}"
        )


def _recorded_rollout(site: Site, standing: Standing) -> tuple[StepStanding, ...]:
    """The shadow and canary steps of the wanted release, whatever production was then."""
    seen = {
        step.step: StepStanding(step.step, step.digest, "done", step.output)
        for step in site.journal.steps(standing.model, run=standing.run or "-")
        if step.output.get("verdicts") and (step.step.startswith(("shadow", "canary-")))
    }
    return tuple(seen.values())


def _verdicts(step: StepStanding | None) -> tuple[Verdict, ...]:
    if step is None:
        return ()
    return tuple(Verdict.from_json(found) for found in step.output.get("verdicts", []))


def _verdict_line(label: str, verdict: Verdict) -> str:
    colour = _COLOURS.get(verdict.outcome, "yellow")
    return f"  {label:<11} [{colour}]{escape(verdict.line())}[/]"


def _short(verdict: Verdict) -> str:
    colour = _COLOURS.get(verdict.outcome, "yellow")
    estimate = "" if verdict.estimate is None else f" {verdict.estimate:.3g}"
    high = "" if verdict.high is None else f" ≤{verdict.high:.3g}"
    return f"[{colour}]{escape(verdict.check)} {verdict.outcome.upper()}{estimate}{high}[/]"


def _places(site: Site) -> Iterator[str]:
    yield ""
    for name, url in addresses(site.workspace, tuple(m.name for m in site.project.models)):
        yield f"  {name:<11} {url}"
    yield "  next        spec status · spec plan · spec run monitor MODEL · spec down"
