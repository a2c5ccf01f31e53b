"""200 models loaded and validated, beside what the libraries below need for the text alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from measure import Measure, Table, Way, in_turns, timed
from models import write_project
from pydantic import BaseModel

from mlops_spec.model.facets import facets
from mlops_spec.model.spec.dataset import DatasetSpec
from mlops_spec.model.spec.model import ModelSpec
from mlops_spec.pipeline import compile_project

MODELS = 200
ROUNDS = 3
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights" / "specs"
PYTHON = "yaml.safe_load_all, nothing checked"
LIBYAML = "the same on libyaml (CSafeLoader)"
PYDANTIC = "libyaml and pydantic, no places, no links"


def run(place: Path, _: Path | None) -> Iterator[Table]:
    write_project(place, {f"model-{i:03}": text for i, text in enumerate(_specs())})
    texts = [path.read_text(encoding="utf-8") for path in sorted((place / "specs").iterdir())]
    project, _found = compile_project(place)
    ways = (
        Way("ours: load, link, every rule", timed(lambda: compile_project(place))),
        Way("ours: what changed (facets)", timed(lambda: [facets(m) for m in project.models])),
        Way(PYTHON, timed(lambda: [list(yaml.safe_load_all(text)) for text in texts])),
        Way(LIBYAML, timed(lambda: [_parsed(text) for text in texts])),
        Way(PYDANTIC, timed(lambda: [_validated(text) for text in texts])),
    )
    yield Table(
        topic="yaml",
        title=f"a project of {MODELS} models and {MODELS} datasets",
        measures=(Measure("seconds", "s"),),
        bases=(PYTHON, PYDANTIC),
        samples=in_turns(ways, ROUNDS, warm_up=False),
        notes=(f"{sum(map(len, texts)):,} characters; specs like examples/flights",),
    )


def _specs() -> Iterator[str]:
    """The Dataset and the Model of examples/flights, under other names; policies are shipped."""
    documents = (EXAMPLE / "flight-delay.yaml").read_text(encoding="utf-8").split("\n---\n")
    dataset, model = documents[:2]
    model = "\n".join(line for line in model.splitlines() if not line.startswith(_POLICIES))
    for i in range(MODELS):
        pair = f"{dataset}\n---\n{model}\n"
        yield (
            pair.replace("name: flights", f"name: flights-{i:03}")
            .replace("name: flight-delay", f"name: flight-delay-{i:03}")
            .replace("dataset: flights", f"dataset: flights-{i:03}")
        )


_POLICIES = ("batch:", "gates:", "rollout:", "monitor:")
_KINDS: dict[str, type[BaseModel]] = {"Dataset": DatasetSpec, "Model": ModelSpec}


def _parsed(text: str) -> list[Any]:
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def _validated(text: str) -> list[object]:
    # Not strict: our own reader gives tuples, libyaml lists.
    return [_KINDS[found["kind"]].model_validate(found, strict=False) for found in _parsed(text)]
