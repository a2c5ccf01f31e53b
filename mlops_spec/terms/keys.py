"""The digests under which steps are recorded: a pure function of everything a step depends on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mlops_spec.terms.digest import digest

Facets = Mapping[str, str]
NO_CODE: Final[Mapping[str, str]] = MappingProxyType({})


def snapshot_key(fingerprint: str, facets: Facets) -> str:
    return digest("snapshot", fingerprint, facets["data"])


def check_key(data: str, facets: Facets) -> str:
    return digest("check", data, facets["data"], facets["train"])


def split_key(data: str, facets: Facets) -> str:
    return digest("split", data, facets["data"], facets["train"])


def run_id(data: str, facets: Facets) -> str:
    """Names a training run: the same rows and the same recipe are the same run."""
    return digest("fit", data, facets["data"], facets["train"])


def evaluate_key(run: str) -> str:
    return digest("evaluate", run)


def gate_key(run: str, facets: Facets, baseline: str, code: Mapping[str, str] = NO_CODE) -> str:
    """`baseline` is the run that production serves, or "" for a first model.

    `code` stands for the code of the policy's own metrics, as `terms.metric_code` has it.
    """
    return digest("gate", run, facets["gate"], baseline, *([dict(code)] if code else []))


def register_key(run: str, gate: str, *, let_through: bool = False) -> str:
    """`let_through`: by a person, where the gate did not pass; that makes a version of it."""
    return digest("register", run, gate, *(["let-through"] if let_through else []))


def release_id(run: str, facets: Facets) -> str:
    """Names a release: a trained model in a service of one shape."""
    return digest("release", run, facets["serve"])


def rollout_key(step: str, release: str, production: str) -> str:
    """Key of package, deploy, shadow, canary-N, promote; `production` is what it replaces."""
    return digest(step, release, production)
