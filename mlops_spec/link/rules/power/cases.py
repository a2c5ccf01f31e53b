"""A model with its policies as one: which entry decides, and where a person can change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mlops_spec.diagnostics import Span
from mlops_spec.link.merge import merge
from mlops_spec.link.resolve import Resolved
from mlops_spec.link.rules.power.known import Known, known_of
from mlops_spec.link.scope import Scope
from mlops_spec.model.project import Document, Loc
from mlops_spec.model.spec.gates import GatesSpec
from mlops_spec.stats.power import Risk
from mlops_spec.terms.metrics import PRIMARY

_CONFIDENCE: Final = 0.95
_MIN_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One limit that decides: the metric or the name it goes by, what it says, where it stands.

    `of` is "" or, for a policy that cannot be edited here, what the message must add.
    """

    name: str
    value: Any
    document: Document[GatesSpec]
    loc: Loc
    place: Span | None
    of: str

    def at(self, *loc: str | int) -> Span:
        """The value at `loc` below the entry, or the reference to a policy of the package."""
        return self.place or self.document.places.value(*self.loc, *loc)


@dataclass(frozen=True, slots=True)
class Case:
    """A model whose data is known, with what its gates come to."""

    one: Resolved
    known: Known
    gates: GatesSpec
    own: tuple[Document[Any], ...]

    @property
    def risk(self) -> Risk:
        """The error of a bound, and the usual power."""
        return Risk(alpha=1 - self.confidence)

    @property
    def confidence(self) -> float:
        return self.gates.confidence.value if self.gates.confidence else _CONFIDENCE

    @property
    def on_point(self) -> bool:
        return self.gates.decide_on == "point"

    @property
    def min_rows(self) -> int:
        return self.gates.min_rows if self.gates.min_rows is not None else _MIN_ROWS

    def entries(self, part: str) -> Iterator[Entry]:
        """The entries of `metrics`, `production`, … that win: later policies over earlier ones."""
        winning: dict[str, Entry] = {}
        primary = PRIMARY[self.one.model.spec.task]
        for position, document in enumerate(self.one.gates):
            found = getattr(document.spec, part)
            # Within one policy the metric's own entry says more than `primary`.
            for key in sorted(found, key=lambda key: key != "primary"):
                name = primary if key == "primary" else key
                winning[name] = self._entry(name, found[key], document, (part, key), position)
        yield from winning.values()

    def entries_of(self, part: str) -> Iterator[Entry]:
        """The one policy whose `stability`, `leakage`, … decides: the last that has it."""
        for position, document in reversed(tuple(enumerate(self.one.gates))):
            found = getattr(document.spec, part)
            if found is not None:
                yield self._entry(part, found, document, (part,), position)
                return

    def _entry(
        self, name: str, value: Any, document: Document[GatesSpec], loc: Loc, position: int
    ) -> Entry:
        if any(document is own for own in self.own):
            return Entry(name, value, document, loc, None, "")
        place = self.one.model.places.value("gates", position)
        return Entry(name, value, document, loc, place, f" of the policy {document.spec.name!r}")


def cases(scope: Scope) -> Iterator[Case]:
    """The models with enough rows for a verdict, in order of their names."""
    return (case for case in all_cases(scope) if case.known.rows >= case.min_rows)


def all_cases(scope: Scope) -> Iterator[Case]:
    """The models of which something is known."""
    for one in scope.resolved:
        known = known_of(one, scope.facts)
        if known is None:
            continue
        policies = (policy.spec for policy in one.gates)
        gates = merge(one.model.spec.name, policies, one.model.spec.task)
        case = Case(one, known, gates, scope.specs)
        if 0.5 < case.confidence < 1:
            yield case
