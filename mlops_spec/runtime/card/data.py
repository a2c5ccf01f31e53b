"""What the model learnt from and was judged on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from mlops_spec.runtime.card.recorded import Recorded, part_of
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.page.markup import count, facts, number, soft, text

_PARTS: Final = ("train", "validation", "test")
_WORDS: Final = {"train": "Training", "validation": "Validation", "test": "Held out"}
_MOST_CLASSES: Final = 6


def data(found: Recorded) -> Section:
    return Section(
        "data",
        "Data",
        "The rows as they were when they were read: the digest names their content.",
        f"{facts(_pairs(found))}{_table(found)}",
    )


def _pairs(found: Recorded) -> Iterator[tuple[str, str]]:
    origin = found.origin
    yield "Dataset", text(origin.get("dataset", "not recorded"))
    yield "Source", f"<code>{text(origin.get('source', 'not recorded'))}</code>"
    fitted = found.steps.get("fit")
    yield (
        "Snapshot",
        f"<code>{text(fitted.output.get('data')) if fitted else 'not recorded'}</code>",
    )
    snapshot, checked = found.steps.get("snapshot"), found.steps.get("check")
    yield "Rows read", count(snapshot.output.get("rows") if snapshot else None)
    if checked is not None:
        yield "Bad rows dropped", _bad(checked.output)
        yield "Rows without a label", count(checked.output.get("unlabelled"))
    split = origin.get("split", {})
    if split:
        how = "by time: the newest rows judge" if split["by"] == "time" else "at random"
        yield "Split", text(f"{how}, {split['test']:.0%} held out")


def _bad(output: dict[str, Any]) -> str:
    said = count(output.get("bad_rows"))
    problems = [
        f"{problem['column']}: {problem['rule']} ({problem['rows']:,})"
        for problem in output.get("problems", [])
    ]
    return f'{said} <span class="soft">{text("; ".join(problems))}</span>' if problems else said


def _table(found: Recorded) -> str:
    if found.parts is None:
        return soft("Rows, time and labels of each part are not recorded.")
    part = part_of(found.parts)
    groups = {name: found.parts[part == place] for place, name in enumerate(_PARTS)}
    rows = "".join(_part(name, rows, found) for name, rows in groups.items() if len(rows))
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Parts"><table><thead><tr>'
        '<th scope="col">Part</th><th scope="col" class="right">Rows</th>'
        '<th scope="col">Time</th><th scope="col">Label</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _part(name: str, rows: pd.DataFrame, found: Recorded) -> str:
    label, time = found.origin["label"], found.origin.get("time")
    span = f"{rows[time].min():%Y-%m-%d} to {rows[time].max():%Y-%m-%d}" if time else "no time"
    return (
        f'<tr><th scope="row">{_WORDS[name]}</th>'
        f'<td class="right" data-said="rows">{len(rows):,}</td>'
        f"<td class='span below'>{text(span)}</td>"
        f"<td class='balance below'>{_balance(rows[label], found)}</td></tr>"
    )


def _balance(label: pd.Series, found: Recorded) -> str:
    classes = list(found.manifest.get("classes", []))
    if not classes:
        low, middle, high = label.astype(float).quantile([0.05, 0.5, 0.95])
        return f"median {number(middle)}, 5 % to 95 %: {number(low)} to {number(high)}"
    shares = label.value_counts(normalize=True)
    positive = found.manifest.get("positive")
    if positive is not None:
        return f"{shares.get(positive, 0.0):.1%} {text(positive)}{_bar(shares.get(positive, 0.0))}"
    shown = [f"{text(name)} {share:.1%}" for name, share in shares.head(_MOST_CLASSES).items()]
    more = f" and {len(shares) - _MOST_CLASSES} more" if len(shares) > _MOST_CLASSES else ""
    return " · ".join(shown) + more  # a class may have a comma in its name


def _bar(share: float) -> str:
    return (
        '<svg class="share" viewBox="0 0 100 5" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="rest" width="100" height="5"/><rect class="fill" width="{share * 100:.1f}" '
        'height="5"/></svg>'
    )
