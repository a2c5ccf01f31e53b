"""`spec explain CODE | KIND | KIND.FIELD | ESTIMATOR`: the language, explained where one works."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from mlops_spec.cli.exits import Exit
from mlops_spec.cli.views import estimator_text
from mlops_spec.diagnostics import CATALOGUE, did_you_mean
from mlops_spec.link.estimators import known, known_paths
from mlops_spec.load.schema_export import SCHEMAS
from mlops_spec.model.spec.base import SpecModel
from mlops_spec.model.spec.describe import Takes, default_of, meaning_of
from mlops_spec.terms.package_data import data_dir


def configure(parser: argparse.ArgumentParser) -> None:
    """One word: what is to be explained."""
    parser.add_argument(
        "topic", metavar="TOPIC", help="a code (MLS301), a kind (Model), a field, an estimator"
    )
    parser.epilog = (
        "Examples:\n"
        "  spec explain MLS301           what an error means, and how to mend it\n"
        "  spec explain Model            the fields of a kind\n"
        "  spec explain Model.serve.slo  what a field takes, and what its change leads to\n"
        "  spec explain sklearn.svm.SVC  the parameters of an estimator, and what each takes"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the page of a code, or what a kind, a field or an estimator takes."""
    topic = arguments.topic
    if topic.upper() in CATALOGUE:
        print((data_dir("errors") / f"{topic.upper()}.md").read_text(encoding="utf-8").rstrip())
        return Exit.FINE
    kind, *path = topic.split(".")
    if kind in SCHEMAS:
        return _explain(topic, SCHEMAS[kind], path)
    estimator = known(topic)
    if estimator is not None:
        print("\n".join(estimator_text.lines(estimator)))
        return Exit.FINE
    if kind == "sklearn":
        return _unknown(f"nothing is called {topic!r}; {did_you_mean(topic, known_paths())}")
    return _unknown(f"nothing is called {topic!r}; {did_you_mean(kind, [*CATALOGUE, *SCHEMAS])}")


def _explain(topic: str, model: type[SpecModel], path: list[str]) -> Exit:
    walked, rest = topic.split(".")[:1], list(path)
    while rest:
        part = rest.pop(0)
        info = model.model_fields.get(part)
        if info is None:
            help = did_you_mean(part, model.model_fields)
            return _unknown(f"{'.'.join(walked)} has no field {part!r}; {help}")
        walked.append(part)
        takes = Takes.of(info)
        inner = _model_in(takes)
        if inner is None and rest:
            return _unknown(f"{part} has no fields of its own")
        # Gates.metrics.roc_auc.min: the entries of a mapping are named by the spec.
        if inner and rest and takes.is_collection() and rest[0] not in inner.model_fields:
            walked.append(rest.pop(0))
        if not rest:
            print("\n".join(_field(topic, model, part)))
        if inner is None:
            return Exit.FINE
        model = inner
    print("\n".join(_model(topic, model)))
    return Exit.FINE


def _unknown(message: str) -> Exit:
    print(f"spec explain: {message}", file=sys.stderr)
    return Exit.USAGE


def _model_in(takes: Takes) -> type[SpecModel] | None:
    """The class of a mapping, or of the entries of a list or a mapping by name."""
    if takes.model() is not None:
        return takes.model()
    entry = takes.inside("") if takes.is_collection() else None
    return entry.model() if entry else None


def _field(topic: str, model: type[SpecModel], name: str) -> Iterator[str]:
    info = model.model_fields[name]
    yield f"{topic}: {info.description}"
    yield f"  takes    {Takes.of(info).words()}"
    yield f"  default  {default_of(info)}"
    yield f"  change   {meaning_of(model, name)}"


def _model(topic: str, model: type[SpecModel]) -> Iterator[str]:
    yield ""
    yield f"{topic}: {' '.join((model.__doc__ or '').split())}"
    width = max(map(len, model.model_fields))
    for name, info in model.model_fields.items():
        required = " (required)" if info.is_required() else ""
        yield f"  {name:<{width}}  {info.description}{required}"
