"""What runs on a cluster, for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape

from mlops_spec.cli.views.text import printable
from mlops_spec.observe.cluster import ClusterStatus, Running


def cluster_lines(status: ClusterStatus) -> Iterator[str]:
    """The lines, with rich markup."""
    yield f"[bold]cluster[/]  {escape(printable(status.place))}"
    if status.unseen:
        yield f"  [yellow]?[/] {escape(printable(status.unseen))}"
        return
    if not status.running:
        yield "  nothing runs there; `spec apply` starts it"
    for found in status.running:
        yield from _release_lines(found)
    for model, said in status.rollouts:
        yield f"  {model}  [yellow]Argo[/]: {escape(printable(said))}"
    for model, why in status.routes:
        yield f"  [yellow]route of {model} is not in force[/]: {escape(printable(why))}"


def _release_lines(found: Running) -> Iterator[str]:
    colour = "green" if found.ready else "yellow"
    yield (
        f"  {found.model:<12}  {found.track:<6}  release {found.release or '-'}"
        f"  [{colour}]{found.pods}[/]  {found.share * 100:g} % of traffic"
    )
    for trouble in found.troubles:
        yield f"                 because {escape(printable(trouble))}"
