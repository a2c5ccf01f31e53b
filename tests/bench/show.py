"""Tables for people."""

from __future__ import annotations

import statistics

from measure import Measure, Table
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid


def show(table: Table, console: Console) -> None:
    """Print one table: median, and below it the smallest and the largest of the rounds."""
    grid = Grid(title=escape(f"{table.topic}: {table.title}"), title_justify="left")
    grid.add_column("", no_wrap=True)
    for measure in table.measures:
        grid.add_column(escape(f"{measure.name}\n{measure.unit}"), justify="right", no_wrap=True)
    for base in table.bases:
        grid.add_column(escape("× better than\n" + base), justify="right", no_wrap=True)
    for way in table.samples:
        numbers = [_number(table.values(way, measure), measure) for measure in table.measures]
        grid.add_row(escape(way), *numbers, *(_ratio(table, way, base) for base in table.bases))
    console.print(grid)
    for note in table.notes:
        console.print(escape(f"  {note}"), style="dim", highlight=False)
    console.print()


def _number(values: list[float], measure: Measure) -> str:
    if not values:
        return "–"
    middle = plain(statistics.median(values), measure.digits)
    if len(values) == 1:
        return middle
    low, high = plain(min(values), measure.digits), plain(max(values), measure.digits)
    return f"{middle}\n[dim]{low}–{high}[/dim]"


def _ratio(table: Table, way: str, base: str) -> str:
    if way == base:
        return "1"
    found = table.ratio(way, base)
    return "–" if found is None else f"[bold]{plain(found, 2)}[/bold]"


def plain(value: float, digits: int) -> str:
    """A number with so many significant digits, and no exponent."""
    if value == 0:
        return "0"
    size = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    if size:
        return f"{value:,.{max(digits - size, 0)}f}"
    return f"{float(f'{value:.{digits}g}'):f}".rstrip("0")
