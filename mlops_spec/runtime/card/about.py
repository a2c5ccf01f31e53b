"""What the model is: its purpose, owner, estimator and features."""

from __future__ import annotations

import json
from typing import Any

from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.monitor.charts import bars
from mlops_spec.runtime.monitor.profile import Categories, Column, Numbers, Profile
from mlops_spec.runtime.page.markup import facts, soft, text
from mlops_spec.runtime.page.series import Bar


def about(found: Recorded) -> Section:
    recipe = found.manifest.get("recipe", {})
    shown = [
        ("Task", text(found.task or "not recorded")),
        ("Owner", text(found.spec.get("model.owner", "not recorded yet") or "nobody is named")),
        ("Estimator", f"<code>{text(recipe.get('estimator', 'not recorded'))}</code>"),
        ("Parameters", _params(recipe.get("params", {}))),
        ("Label", _label(found)),
    ]
    for name, word in (("group", "Lists by"), ("weight", "Rows weighed by")):
        if recipe.get(name):
            shown.append((word, text(recipe[name])))
    return Section(
        "model",
        "Model",
        text(found.spec.get("model.description", "")),
        f"{facts(shown)}{_features(found)}",
    )


def _params(params: dict[str, Any]) -> str:
    if not params:
        return "the estimator's own defaults"
    return ", ".join(f"<code>{text(name)}={text(value)}</code>" for name, value in params.items())


def _label(found: Recorded) -> str:
    said = f"<b>{text(found.manifest.get('label', 'not recorded'))}</b>"
    classes = found.manifest.get("classes", [])
    if found.manifest.get("positive") is not None:
        others = [value for value in classes if value != found.manifest["positive"]]
        said += f", positive is <b>{text(found.manifest['positive'])}</b>"
        said += f" (otherwise {text(others[0])})" if others else ""
    elif classes:
        said += f", {len(classes)} classes: {text(' · '.join(map(str, classes)))}"
    return said


def _features(found: Recorded) -> str:
    features = found.manifest.get("features", {})
    if not features:
        return soft("The features are not recorded.")
    profile = _profile(found)
    rows = "".join(_feature(name, kind, profile.get(name)) for name, kind in features.items())
    number = "1 feature" if len(features) == 1 else f"{len(features)} features"
    return (
        f"<h3>{number}</h3><p class='soft'>As they were in the training rows.</p>"
        '<div class="wide" tabindex="0" role="region" aria-label="Features"><table><thead><tr>'
        '<th scope="col">Feature</th><th scope="col">Type</th><th scope="col">Distribution</th>'
        '<th scope="col">Range or values</th><th scope="col" class="right">Missing</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _profile(found: Recorded) -> dict[str, Column]:
    try:
        text = (found.folder / "profile.json").read_text(encoding="utf-8")
        return dict(Profile.from_json(json.loads(text)).columns)
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _feature(name: str, kind: str, column: Column | None) -> str:
    drawn, span, missing = "", "not recorded", "–"
    if column is not None:
        drawn, span = _spark(bars(column, column), name), _span(column)
        rows = column.rows + column.missing
        missing = _share(column.missing / rows) if column.missing else "none"
    return (
        f'<tr><th scope="row">{text(name)}</th><td class="soft">{text(kind)}</td><td>{drawn}</td>'
        f'<td class="soft below">{text(span)}</td>'
        f'<td class="right" data-said="missing">{missing}</td></tr>'
    )


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "&lt; 0.1%"


def _span(column: Column) -> str:
    match column:
        case Numbers(edges=edges) if edges:
            return f"{edges[0]:g} to {edges[-1]:g}"
        case Categories(values=values):
            known = [value for value in values if not value.startswith("__")]
            more = f" and {len(known) - 4:,} more" if len(known) > 4 else ""
            return f"{', '.join(known[:4])}{more}"
        case _:
            return "no value"


def _spark(found: tuple[Bar, ...], name: str) -> str:
    most = max((bar.before for bar in found), default=0.0)
    if not most:
        return ""
    width = 130 / len(found)
    drawn = "".join(
        f'<rect class="fill" x="{place * width:.1f}" y="{26 - 24 * bar.before / most:.1f}" '
        f'width="{width * 0.86:.1f}" height="{24 * bar.before / most:.1f}">'
        f"<title>{text(bar.title)}: {bar.before:.1%}</title></rect>"
        for place, bar in enumerate(found)
    )
    return (
        f'<svg class="spark" viewBox="0 0 130 27" role="img" aria-label="{text(name)}">{drawn}'
        '<line class="track" x1="0" x2="130" y1="26.5" y2="26.5"/></svg>'
    )
