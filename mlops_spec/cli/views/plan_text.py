"""A plan in words and as JSON; the words are made from the same list that apply walks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, assert_never

from rich.markup import escape

from mlops_spec.apply.stages import (
    ApplyObjects,
    ApplyPlan,
    ModelPlan,
    Preparation,
    Record,
    Restore,
    Rollout,
    ServeFlows,
    Stage,
    StartPlatform,
    Train,
    Withdraw,
    WriteFiles,
)
from mlops_spec.cli.views.text import printable
from mlops_spec.state.fallback import fallback_line, warnings_of

if TYPE_CHECKING:
    from mlops_spec.runtime.gates.replay import Replayed

Replays = Mapping[str, Sequence["Replayed"]]
NONE: Final[Replays] = MappingProxyType({})


def plan_json(plan: ApplyPlan, replayed: Replays = NONE) -> dict[str, Any]:
    """The plan for machines; `replayed` are the recorded candidates of models, under new gates."""
    return {
        "format_version": 1,
        "environment": plan.environment,
        "no_op": plan.no_op,
        "before": [_stage_json(stage) for stage in plan.before],
        "models": [
            {**_model_json(model), "replay": _replay_json(replayed.get(model.model, ()))}
            for model in plan.models
        ],
        "after": [_stage_json(stage) for stage in plan.after],
    }


def _model_json(model: ModelPlan) -> dict[str, Any]:
    blocked = model.blocked
    return {
        "model": model.model,
        "consequence": model.consequence,
        "reasons": list(model.reasons),
        "changes": [
            {
                "path": c.path,
                "change": c.change.value,
                "before": c.before,
                "after": c.after,
                "way": model.ways.get(c.path),
            }
            for c in model.changes
        ],
        "stages": [_stage_json(stage) for stage in model.stages],
        "warnings": warnings_of(model.standing.fallback),
        "run": model.standing.run,
        "release": model.standing.release,
        "blocked": None
        if blocked is None
        else {
            "exit_code": blocked.exit_code,
            "reason": blocked.reason,
            "help": blocked.help,
            "at": blocked.at,
            "verdicts": [verdict.to_json() for verdict in blocked.verdicts],
        },
    }


def _replay_json(replayed: Sequence[Replayed]) -> dict[str, Any] | None:
    if not replayed:
        return None
    from mlops_spec.runtime.gates.replay import summary

    return {"summary": summary(replayed), "candidates": [one.to_json() for one in replayed]}


def _stage_json(stage: Stage) -> dict[str, Any]:
    name = type(stage).__name__
    fields = {field: getattr(stage, field) for field in type(stage).__dataclass_fields__}
    return {"stage": name, **{k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}}


def plan_lines(plan: ApplyPlan, replayed: Replays = NONE) -> Iterator[str]:
    """The plan for people, with rich markup."""
    for stage in plan.before:
        yield from _stage_lines(stage)
    for model in plan.models:
        yield from _model_lines(model)
        yield from _replay_lines(replayed.get(model.model, ()))
    for stage in plan.after:
        yield from _stage_lines(stage)
    yield ""
    yield _summary(plan)


def _model_lines(model: ModelPlan) -> Iterator[str]:
    if not model.stages and model.blocked is None:
        live = model.standing.live
        version = f"version {live.version} is live" if live else "nothing is live"
        yield f"[green]=[/] [bold]{model.model}[/]: nothing to do, {version}"
        yield from _warnings(model)
        return
    if model.blocked is None:
        yield f"[yellow]~[/] [bold]{model.model}[/]: {model.consequence}"
    else:
        yield f"[red]■[/] [bold]{model.model}[/]: stopped by a decision"
    for reason in model.reasons:
        yield f"    because {_plain(reason)}"
    for stage in model.stages:
        yield from _stage_lines(stage)
    yield from _warnings(model)
    if model.blocked is not None:
        yield f"    [red]■[/] {_plain(model.blocked.reason)}"
        if model.blocked.at:
            yield f"      its limit: {_plain(model.blocked.at)}"
        for verdict in model.blocked.verdicts:
            yield f"      {_plain(verdict.line())}"
        yield f"      [dim]{_plain(model.blocked.help)}[/]"


def _warnings(model: ModelPlan) -> Iterator[str]:
    if model.standing.fallback:
        yield f"    [yellow]warning:[/] {_plain(fallback_line(model.standing.fallback))}"


def _replay_lines(replayed: Sequence[Replayed]) -> Iterator[str]:
    if replayed:
        from mlops_spec.cli.views.replay_text import replay_lines

        yield from replay_lines(replayed)


def _stage_lines(stage: Stage) -> Iterator[str]:
    match stage:
        case WriteFiles() | Restore() | StartPlatform() | ApplyObjects():
            yield from _preparation_lines(stage)
        case ServeFlows():
            yield "    [green]+[/] deploy the flows"
        case Withdraw(_, releases):
            yield f"    [red]-[/] withdraw {', '.join(releases)}: in the router, and nobody watches"
        case Train(_, steps, kept):
            yield from _flow_lines("train", steps, kept)
        case Rollout(_, steps, kept):
            yield from _flow_lines("rollout", steps, kept)
        case Record():
            return
        case _ as never:
            assert_never(never)


def _preparation_lines(stage: Preparation) -> Iterator[str]:
    match stage:
        case WriteFiles():
            yield from _file_lines(stage)
        case Restore(releases):
            yield f"[green]+[/] make whole {', '.join(releases)}: in service, not complete"
        case StartPlatform(programs):
            yield f"[green]+[/] start {', '.join(programs)}"
        case ApplyObjects():
            yield from _object_lines(stage)
        case _ as never:
            assert_never(never)


def _object_lines(stage: ApplyObjects) -> Iterator[str]:
    """What changes on the cluster, each object on a line."""
    yield f"[yellow]~[/] cluster: {_plain(stage.place)}"
    if stage.unseen:
        yield f"    [yellow]?[/] could not look: {_plain(stage.unseen)}"
    elif not (stage.created or stage.changed or stage.removed):
        yield "    [yellow]~[/] what the next rollout starts"
    for mark, objects in (
        ("[green]+[/]", stage.created),
        ("[yellow]~[/]", stage.changed),
        ("[red]-[/]", stage.removed),
    ):
        yield from (f"    {mark} {_plain(found)}" for found in objects)


def _file_lines(stage: WriteFiles) -> Iterator[str]:
    yield from (f"[green]+[/] write {_plain(path)}" for path in stage.written[:8])
    if len(stage.written) > 8:
        yield f"[green]+[/] … and {len(stage.written) - 8} more files"
    yield from (f"[red]-[/] remove {_plain(path)}" for path in stage.removed)


def _flow_lines(flow: str, steps: tuple[str, ...], kept: tuple[str, ...]) -> Iterator[str]:
    yield f"    [green]+[/] {flow:<8} {' → '.join(steps)}"
    if kept:
        yield f"      [dim]kept     {', '.join(kept)}[/]"


def _summary(plan: ApplyPlan) -> str:
    if plan.no_op and not plan.blocked:
        return "Nothing to do."
    moving = [model for model in plan.models if model.stages and model.blocked is None]
    counts: dict[str, int] = {}
    for model in moving:
        counts[model.consequence] = counts.get(model.consequence, 0) + 1
    parts = [f"{number} {word}" for word, number in sorted(counts.items())]
    parts += [f"{len(plan.blocked)} blocked"] if plan.blocked else []
    still = sum(not model.stages and model.blocked is None for model in plan.models)
    parts += [f"{still} unchanged"] if still else []
    return f"Plan: {', '.join(parts)}"


def _plain(text: str) -> str:
    """Text of the user's, safe to stand in rich markup and on a terminal."""
    return escape(printable(text))
