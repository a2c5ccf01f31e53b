"""The card of a run as a file: self-contained, and the same bytes for the same records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from mlops_spec.runtime.card.about import about
from mlops_spec.runtime.card.curves import curves
from mlops_spec.runtime.card.data import data
from mlops_spec.runtime.card.decision import decision, headline, name_of
from mlops_spec.runtime.card.groups import groups
from mlops_spec.runtime.card.limits import limits
from mlops_spec.runtime.card.lineage import lineage
from mlops_spec.runtime.card.metrics import metrics
from mlops_spec.runtime.card.recorded import Recorded, read_recorded
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.card.service import service
from mlops_spec.runtime.context import Context
from mlops_spec.runtime.machine.places import replace_text
from mlops_spec.runtime.page.markup import ORDER, WORDS, day, interval, number, places_for, text
from mlops_spec.runtime.page.style import page_of
from mlops_spec.runtime.refusal import gist
from mlops_spec.terms.metrics import PRIMARY
from mlops_spec.terms.verdict import Outcome

_PAGE: Final = Path(__file__).with_name("card.html")
_OTHERS: Final = {
    Outcome.FAIL: "refused it", Outcome.ERROR: "could not be judged",
    Outcome.INCONCLUSIVE: "could not be decided", Outcome.NO_DATA: "had no data",
}  # fmt: skip
_SECTIONS: Final[tuple[Callable[[Recorded], Section], ...]] = (
    decision, about, data, metrics, curves, groups, service, lineage, limits,
)  # fmt: skip


def write_card(context: Context, run: str, version: str | None = None) -> Path:
    """Write `card.html` of a run into its folder; the path.

    `version` is for the moment at which the journal does not know it yet.
    """
    path = context.workspace.card(run)
    replace_text(path, page(read_recorded(context, run, version)))
    return path


def page(found: Recorded) -> str:
    """The card as text."""
    sections = [_guarded(make, found) for make in _SECTIONS]
    outcome = found.decided.outcome if found.decided else Outcome.NO_DATA
    return page_of(
        _PAGE,
        title=text(f"{found.model} · {name_of(found)} · model card"),
        eyebrow=text(f"Model card · {found.model} · {found.environment}"),
        outcome=outcome.value,
        word=text(WORDS[outcome]),
        headline=text(headline(found)),
        summary=text(_summary(found)),
        glance="".join(_glance(found)),
        contents="".join(f'<li><a href="#{s.name}">{text(s.title)}</a></li>' for s in sections),
        sections="\n".join(map(_section, sections)),
    )


def _guarded(make: Callable[[Recorded], Section], found: Recorded) -> Section:
    """A section, or the word that it could not be made: a page must not stop a registration."""
    try:
        return make(found)
    except Exception as error:
        name = make.__name__
        said = f"{type(error).__name__}: {gist(error)}"
        return Section(name, name.capitalize(), "", f"<p>Could not be shown: {text(said)}</p>")


def _section(made: Section) -> str:
    return (
        f'<section id="{made.name}" aria-labelledby="{made.name}-title"><header>'
        f'<h2 id="{made.name}-title">{text(made.title)}</h2><p class="soft">{made.lead}</p>'
        f'</header><div class="content">{made.body}</div></section>'
    )


def _summary(found: Recorded) -> str:
    """What the headline leaves out: gates with yet another outcome, and the word of a person."""
    if found.decided is None:
        return ""
    approval = found.decided.approval
    word = f"It was {approval.line()}" if approval else ""
    against = [v.outcome for v in found.decided.verdicts if v.outcome is not Outcome.PASS]
    others = [outcome for outcome in against if outcome is not found.decided.outcome]
    counted = [f"{others.count(o)} {_OTHERS[o]}" for o in ORDER if o in others]
    besides = f"Besides, {' and '.join(counted)}." if counted else ""
    return " ".join(filter(None, (besides, word)))


def _glance(found: Recorded) -> list[str]:
    """The four numbers that a reader takes away."""
    metric = PRIMARY.get(found.task, "")
    said = found.evaluation.get("metrics", {}).get(metric) or {}
    places = places_for(said.get("low"), said.get("high"))
    decided = found.decided
    baseline = decided.baseline if decided else ""
    judged_at = day(decided.at) + " UTC" if decided and decided.at is not None else "not judged"
    return [
        _card(metric or "primary metric", number(said.get("value"), places),
              interval(said.get("low"), said.get("high"), places)),
        _card("held-out rows", f"{found.evaluation.get('n', 0):,}", judged_at),
        _card("compared with", baseline[:8] or "nothing",
              "production, on the same rows" if baseline else "first model, or none was live"),
        _card("run", found.run[:8], f"version {found.version}" if found.version else "no version"),
    ]  # fmt: skip


def _card(name: str, value: str, note: str) -> str:
    return f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd><dd>{text(note)}</dd></div>"
