"""What it costs to ask the model: latency, size, and whether the exported form agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.gates.measured import Timings
from mlops_spec.runtime.page.markup import facts, number, soft, text
from mlops_spec.runtime.page.plot import figure, legend, plot, svg
from mlops_spec.stats.estimate import Floats

_MS: Final = 1000.0
_MB: Final = 1_000_000
_BARS: Final = 48
_QUANTILES: Final = (0.5, 0.95, 0.99)


def service(found: Recorded) -> Section:
    latency = _latency(found.timings) if found.timings is not None else soft(
        "Latency was not measured: no gate asked for it."
    )  # fmt: skip
    return Section(
        "service", "In service", "One row at a time, on the machine that trained.",
        f'{facts(_pairs(found))}<div class="figures">{latency}</div>',
    )  # fmt: skip


def _pairs(found: Recorded) -> Iterator[tuple[str, str]]:
    portable = found.evaluation.get("portable") or {}
    kind = portable.get("kind", "not recorded")
    reason = (
        f' <span class="soft">{text(portable["reason"])}</span>' if portable.get("reason") else ""
    )
    yield "Exported form", f"{text(kind)}{reason}"
    yield "Size", _size(found)
    parity = portable.get("parity")
    if parity:
        yield "Agreement", _agreement(parity)
    yield "Digest", f"<code>{text(portable.get('digest', 'not recorded'))}</code>"


def _agreement(parity: Mapping[str, Any]) -> str:
    changed = parity["changed_decisions"]
    decided = f"{changed:.2%} of decisions change" if changed else "no decision changes"
    largest = number(parity["max_difference"])
    rows = f"{parity['rows']:,} held-out rows"
    return f"on {rows} the largest difference of a score is {largest}, and {decided}"


def _size(found: Recorded) -> str:
    folder = found.folder / "portable"
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    if not files:
        return "not recorded"
    total = sum(path.stat().st_size for path in files)
    return f"{number(total / _MB)} MB" if total >= _MB / 10 else f"{number(total / 1000)} kB"


def _latency(found: Timings) -> str:
    shown = [(np.asarray(found.candidate) * _MS, "now", "candidate")]
    if found.production is not None:
        shown.append((np.asarray(found.production) * _MS, "then", "production"))
    together = np.concatenate([each for each, _, _ in shown])
    if not len(together) or not (np.isfinite(together) & (together > 0)).all():
        return soft("The recorded latencies are not times.")
    low, high = (float(end) for end in np.log10(np.quantile(together, [0.0005, 0.9995])))
    room = (high - low) * 0.05 or 0.1
    edges = np.linspace(low - room, high + room, _BARS + 1)
    shares = [
        np.histogram(np.log10(each).clip(edges[0], edges[-1]), edges)[0] / len(each)
        for each, _, _ in shown
    ]
    top = max(float(each.max()) for each in shares) * 1.1
    plane = plot((float(edges[0]), float(edges[-1])), (0, top), ("milliseconds", "share of calls"))
    drawn = plane.rules(across=_decades(float(edges[0]), float(edges[-1])))
    for each, (_, kind, _) in zip(shares, shown, strict=True):
        for place in np.flatnonzero(each):
            ends = (float(edges[place]), float(edges[place + 1]))
            drawn += plane.box(ends, (0, float(each[place])), f"bar {kind}")
    for q in _QUANTILES:
        drawn += plane.upright(float(np.log10(np.quantile(shown[0][0], q))), "cut", f"p{q * 100:g}")
    note = "; ".join(_words(each, name) for each, _, name in shown)
    named = legend(*((kind, name) for _, kind, name in shown))
    return figure(svg(drawn, "latency of one row"), "Latency", text(f"{note}."), named)


def _words(values: Floats, name: str) -> str:
    said = ", ".join(f"p{q * 100:g} {float(np.quantile(values, q)):.3g}" for q in _QUANTILES)
    return f"{name} {said} ms in {len(values):,} calls"


def _decades(low: float, high: float) -> list[tuple[float, str]]:
    """1, 2 and 5 of every power of ten, as long as they fit."""
    found = [
        (float(np.log10(step * 10.0**power)), number(step * 10.0**power))
        for power in range(int(np.floor(low)), int(np.ceil(high)) + 1)
        for step in (1, 2, 5)
    ]
    within = [(at, word) for at, word in found if low <= at <= high]
    return within[:: max(1, -(-len(within) // 7))]
