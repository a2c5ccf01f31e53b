"""What a field takes, in words: for messages, `spec explain` and the reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from mlops_spec.model.names import (
    ADDRESS_RANGE_PATTERN,
    COLUMN_PATTERN,
    CRON_PATTERN,
    DOTTED_PATTERN,
    GATEWAY_PATTERN,
    HTTP_PATTERN,
    IMAGE_PATTERN,
    LABEL_KEY_PATTERN,
    LABEL_VALUE_PATTERN,
    NAME_PATTERN,
    REGISTRY_PATTERN,
)
from mlops_spec.model.spec.base import Change, SpecModel, change_of

_PATTERNS: Final = {
    COLUMN_PATTERN: "the name of a column: text on one line, 1 to 200 characters",
    NAME_PATTERN: "a name: lower-case letters, digits and dashes, a letter first, at most 50",
    DOTTED_PATTERN: "a dotted path such as sklearn.linear_model.LogisticRegression",
    CRON_PATTERN: 'five fields of cron such as "0 3 * * 1"',
    GATEWAY_PATTERN: "a name, or namespace/name",
    IMAGE_PATTERN: "an image such as registry.acme.example/ml/flows:2026-11",
    LABEL_KEY_PATTERN: "the key of a Kubernetes label",
    LABEL_VALUE_PATTERN: "the value of a Kubernetes label: letters, digits, dots, dashes, up to 63",
    ADDRESS_RANGE_PATTERN: "a range of addresses such as 10.0.0.0/28",
    HTTP_PATTERN: "an address such as http://prometheus.monitoring.svc:9090",
    r"^[A-Z_][A-Z0-9_]*$": "the name of an environment variable: capitals, digits, underscores",
    r"^(sqlite|https?://\S+)$": "sqlite or the URL of an MLflow server",
    r"^(prefect|https?://\S+)$": "prefect or the URL of a Prefect API",
    r"^[A-Za-z0-9+/]{43}=$": "an Ed25519 public key: 32 bytes in base64, 44 characters",
    r"^[\w.-]+$": "letters, digits, dots, dashes and underscores",
    r"^[\w.-]*$": "letters, digits, dots, dashes and underscores",
    REGISTRY_PATTERN: "a registry path in lower case, such as ghcr.io/acme/ml",
}


@dataclass(frozen=True, slots=True)
class Takes:
    """The type of a field with its constraints, as pydantic holds them."""

    annotation: Any
    metadata: tuple[Any, ...] = field(default=())

    @classmethod
    def of(cls, info: FieldInfo) -> Takes:
        return cls(info.annotation, tuple(info.metadata)).plain()

    def plain(self) -> Takes:
        """Without `Annotated` around it and without `None` beside it."""
        if hasattr(self.annotation, "__metadata__"):
            inner = (*self.annotation.__metadata__, *self.metadata)
            return Takes(self.annotation.__origin__, _flat(inner)).plain()
        choices = [part for part in self._union() if part is not NoneType]
        if len(choices) == 1 and choices[0] is not self.annotation:
            return Takes(choices[0], self.metadata).plain()
        return self

    def _union(self) -> tuple[Any, ...]:
        if get_origin(self.annotation) in {Union, UnionType}:
            return get_args(self.annotation)
        return (self.annotation,)

    def model(self) -> type[SpecModel] | None:
        """The class of a mapping with fixed keys, otherwise None."""
        known = isinstance(self.annotation, type) and issubclass(self.annotation, SpecModel)
        return self.annotation if known else None

    def inside(self, part: str | int) -> Takes | None:
        """What stands under a key or an index; None where anything may stand."""
        model = self.model()
        if model is not None:
            info = model.model_fields.get(str(part))
            return Takes.of(info) if info else None
        arguments = get_args(self.annotation)
        if get_origin(self.annotation) is dict:
            return Takes(arguments[1]).plain()
        return Takes(arguments[0]).plain() if get_origin(self.annotation) is tuple else None

    def is_collection(self) -> bool:
        """Whether entries of one type stand inside: a list, or a mapping by name."""
        return get_origin(self.annotation) in {dict, tuple}

    def is_list(self) -> bool:
        """Whether it is a list, whose entries are of one type."""
        return get_origin(self.annotation) is tuple

    def key_type(self) -> Any:
        """What the keys of a free mapping are."""
        return get_args(self.annotation)[0] if get_origin(self.annotation) is dict else str

    def choices(self) -> tuple[str, ...]:
        """The words that are allowed, where only some are."""
        if get_origin(self.annotation) is not Literal:
            return ()
        return tuple(choice for choice in get_args(self.annotation) if isinstance(choice, str))

    def words(self) -> str:
        """A noun phrase: `a whole number, 1 to 64`."""
        match get_origin(self.annotation):
            case origin if origin is Literal:
                return one_of(map(str, get_args(self.annotation)))
            case origin if origin is dict:
                return f"a mapping{self._at_least('entry')}"
            case origin if origin is tuple:
                entries = self.inside(0)
                named = f" of: {entries.words()}" if entries and not entries.model() else ""
                return f"a list{self._at_least('entry')}{named}"
            case origin if origin in {Union, UnionType}:
                return f"{_UNIONS[frozenset(self._union()) - {NoneType}]}{self._range()}"
            case _:
                return self._simple()

    def _simple(self) -> str:
        model = self.model()
        if model is not None:
            return f"a mapping with {one_of(model.model_fields, 'or')}"
        if hasattr(self.annotation, "expected"):
            return str(self.annotation.expected)
        if self.annotation is str:
            pattern = next((m.pattern for m in self.metadata if getattr(m, "pattern", None)), None)
            return _PATTERNS.get(str(pattern), "text")
        return f"{_SIMPLE.get(self.annotation, 'a value')}{self._range()}"

    def _at_least(self, noun: str) -> str:
        least = next((m.min_length for m in self.metadata if isinstance(m, MinLen)), 0)
        return f" with at least one {noun}" if least else ""

    def _range(self) -> str:
        ends = {type(m): m for m in self.metadata}
        low, high = ends.get(Ge), ends.get(Le)
        if low and high:
            return f", {low.ge} to {high.le}"
        parts = [words.format(getattr(ends[kind], name)) for kind, name, words in _ENDS
                 if kind in ends]  # fmt: skip
        return f", {' and '.join(parts)}" if parts else ""


_ENDS: Final = (
    (Ge, "ge", "at least {}"), (Gt, "gt", "above {}"),
    (Le, "le", "at most {}"), (Lt, "lt", "below {}"),
    (MaxLen, "max_length", "at most {} characters"),
)  # fmt: skip
_SIMPLE: Final[dict[Any, str]] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "text",
}  # fmt: skip
_UNIONS: Final = {
    frozenset({float, int}): "a number",
    frozenset({str, int, bool}): "text, a whole number, true or false",
}


def _flat(metadata: Iterable[Any]) -> tuple[Any, ...]:
    """Constraints one by one: pydantic keeps those of an `Annotated` inside of a FieldInfo."""
    return tuple(
        part for m in metadata for part in (m.metadata if isinstance(m, FieldInfo) else (m,))
    )


def one_of(names: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    *head, tail = names
    return f"{', '.join(head)} {last} {tail}" if head else tail


_MEANING: Final = {
    Change.DOCS: "nothing runs again",
    Change.MONITOR: "the monitor is updated; the model stays",
    Change.BATCH: "the batch flow is deployed again",
    Change.ROLLOUT: "the next rollout follows it",
    Change.GATE: "the recorded evidence is judged again",
    Change.SCALE: "a cluster runs the same release otherwise",
    Change.SERVE: "the service is built and rolled out again",
    Change.TRAIN: "the model is trained again",
    Change.DATA: "the data is read again, and the model trained",
}


def meaning_of(model: type[SpecModel], name: str) -> str:
    """What follows from a change of a field: its class, and that in words."""
    change = change_of(model, name)
    return f"{change}: {_MEANING[change]}"


def default_of(info: FieldInfo) -> str:
    """What stands when the key is left out, as YAML would say it."""
    if info.is_required():
        return "none: the key is required"
    return _as_yaml(info.get_default(call_default_factory=True))


def _as_yaml(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case SpecModel():
            entries = ((name, getattr(value, name)) for name in type(value).model_fields)
            return "{" + ", ".join(f"{name}: {_as_yaml(entry)}" for name, entry in entries) + "}"
        case tuple():
            return f"[{', '.join(map(_as_yaml, value))}]"
        case _:
            return str(value) or '""'
