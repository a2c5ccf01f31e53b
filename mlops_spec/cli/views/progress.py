"""Apply as it happens: a line for every step that ended, a spinner for the one that runs."""

from __future__ import annotations

from textwrap import wrap
from types import TracebackType
from typing import Final, Self, assert_never

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from mlops_spec.apply.events import Event, Note, StageEnded, StageStarted, StepSeen, Stopped
from mlops_spec.apply.stages import (
    ApplyObjects,
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
from mlops_spec.cli.views.steps import describe
from mlops_spec.cli.views.text import printable
from mlops_spec.state import Step

# What apply and rollouts note down for each other about a cluster: no step of the loop.
NOTES = ("objects", "instance", "image")
_WIDTH: Final = len("canary-100")
_BATCH_WIDTH: Final = len("batch-predict")
_TIMES_AT: Final = 66
MARKS = {"done": "[green]✓[/]", "failed": "[red]✗[/]", "running": "[cyan]…[/]"}


class Progress:
    """Prints to `console`; use as a context, so that the spinner ends however apply does."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.told = 0  # steps
        self._status: Status = console.status("")

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._status.stop()

    def tell(self, event: Event) -> None:
        match event:
            case StageStarted(stage):
                self._stage_started(stage)
            case StageEnded(stage, seconds):
                self._stage_ended(stage, seconds)
            case StepSeen(_, step):
                self._step_seen(step)
            case Note(text):
                self._console.print(f"    [dim]{escape(text)}[/]")
            case Stopped(blocked):
                said = f"{blocked.model}: {printable(blocked.reason)}"
                self._console.print(f"  [red]■[/] {escape(said)}", soft_wrap=True)
                if blocked.at:
                    self._console.print(f"    its limit: {escape(blocked.at)}", soft_wrap=True)
                for verdict in blocked.verdicts:
                    self._console.print(f"    {escape(printable(verdict.line()))}", soft_wrap=True)
                # Not wrapped: it may be a command that is copied.
                self._console.print(f"    {escape(printable(blocked.help))}", soft_wrap=True)
            case _ as never:
                assert_never(never)

    def _stage_started(self, stage: Stage) -> None:
        self._status.update(f"[bold]{_title(stage)}[/]")
        if isinstance(stage, Train | Rollout):
            self._console.print(f"  [bold]{_title(stage)}[/]")

    def _stage_ended(self, stage: Stage, seconds: float) -> None:
        if not isinstance(stage, Train | Rollout | Record):
            self._line("  ", MARKS["done"], _title(stage), seconds)

    def _step_seen(self, step: Step) -> None:
        if step.step in NOTES:
            return
        said = printable(describe(step.step, step.output))
        if step.status == "running":
            self._status.update(f"[bold]{step.step}[/]  {escape(said)}")
            return
        if step.status == "failed":
            said = printable(str(step.output.get("message", "")))
        self.told += 1
        seconds = (step.finished_at or step.started_at) - step.started_at
        name = step.step.ljust(_BATCH_WIDTH if step.step.startswith("batch-") else _WIDTH)
        self._line("    ", MARKS[step.status], f"{name} {said}", seconds, len(name) + 1)

    def _line(self, indent: str, mark: str, text: str, seconds: float, hang: int = 0) -> None:
        # The times stand in one column, within 80. What is longer goes on below, on a terminal; in
        # a file a line stays whole, for those who search in it.
        first, *more = self._folded(text, _TIMES_AT - len(indent), hang)
        padded = escape(first.ljust(_TIMES_AT - len(indent)))
        self._console.print(f"{indent}{mark} {padded} [dim]{seconds:6.1f} s[/]", soft_wrap=True)
        for line in more:
            self._console.print(f"{indent}  {escape(line)}", soft_wrap=True)

    def _folded(self, text: str, width: int, hang: int) -> list[str]:
        if not self._console.is_terminal or len(text) <= width:
            return [text]
        return wrap(
            text, width, subsequent_indent=" " * hang, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip


def _title(stage: Stage) -> str:
    match stage:
        case WriteFiles() | Restore() | StartPlatform() | ApplyObjects():
            title = _preparation(stage)
        case ServeFlows(model):
            title = f"{model}: flows deployed"
        case Withdraw(model, releases):
            title = f"{model}: {', '.join(releases)} withdrawn from traffic"
        case Train(model):
            title = f"{model}: train"
        case Rollout(model):
            title = f"{model}: rollout"
        case Record(model):
            title = f"{model}: recorded"
        case _ as never:
            assert_never(never)
    return title


def _preparation(stage: Preparation) -> str:
    match stage:
        case WriteFiles(written, removed):
            return f"generated files: {len(written)} written, {len(removed)} removed"
        case Restore(releases):
            return f"releases made whole: {', '.join(releases)}"
        case StartPlatform(programs):
            return f"platform: {', '.join(programs)}"
        case ApplyObjects():
            counts = (len(stage.created), len(stage.changed), len(stage.removed))
            return "cluster: {} created, {} changed, {} removed".format(*counts)
        case _ as never:
            assert_never(never)
