"""Rendered objects against the schemas of Kubernetes and of the controllers they are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import kubernetes_validate
import pytest
from custom_resources import definition, is_custom, mistakes
from trees import objects, of_kind, without_most_chance

from mlops_spec.model.files import FileSet

# The oldest that has every field we write (the `sleep` hook), and the newest that is known.
VERSIONS = ("1.30", kubernetes_validate.latest_version())


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_object_of_its_own(
    trees: Mapping[str, FileSet], version: str
) -> None:
    kinds = set()
    newest = version == kubernetes_validate.latest_version()
    for files in (trees if newest else without_most_chance(trees)).values():
        for _, found in objects(files):
            if not is_custom(found):
                kinds.add(found["kind"])
                kubernetes_validate.validate(found, version, strict=True)
    assert {"Namespace", "ServiceAccount", "Deployment", "Service", "NetworkPolicy"} <= kinds
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget", "CronJob", "ConfigMap"} <= kinds


def test_controllers_take_every_object_of_their_kinds(trees: Mapping[str, FileSet]) -> None:
    kinds = set()
    for files in trees.values():
        for path, found in objects(files):
            if is_custom(found):
                kinds.add(found["kind"])
                assert mistakes(found) == [], path
    assert kinds >= {
        "AnalysisTemplate", "HTTPRoute", "PodMonitor", "PrometheusRule", "Rollout", "ScaledObject",
    }  # fmt: skip


def test_a_kind_without_a_definition_is_refused() -> None:
    assert definition("gateway.networking.k8s.io/v2", "HTTPRoute") is None
    unknown = {"apiVersion": "acme.example/v1", "kind": "HTTPRoute"}
    assert mistakes(unknown) == ["no definition of HTTPRoute in acme.example/v1"]


def _rule(route: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = route["spec"]["rules"][0]
    return found


def _unknown(route: dict[str, Any]) -> None:
    _rule(route)["backendRef"] = []


def _wrong_type(route: dict[str, Any]) -> None:
    _rule(route)["backendRefs"][0]["weight"] = "100"


def _bad_duration(route: dict[str, Any]) -> None:
    _rule(route)["timeouts"]["request"] = "1.5s"


def _prefix_of_exact(route: dict[str, Any]) -> None:
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    _rule(route)["filters"][0]["urlRewrite"]["path"] = path


def _filter_twice(route: dict[str, Any]) -> None:
    _rule(route)["filters"].append(_rule(route)["filters"][0])


def _header_twice(route: dict[str, Any]) -> None:
    _rule(route)["filters"][1]["requestHeaderModifier"]["remove"] *= 2


def _no_spec(route: dict[str, Any]) -> None:
    del route["spec"]


BREAKS: Mapping[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "an unknown field": (_unknown, "backendRef"),
    "a text for a number": (_wrong_type, "is not of type 'integer'"),
    "a duration that is none": (_bad_duration, "does not match"),
    "a rule of its own": (_prefix_of_exact, "PathPrefix"),
    "a rule over a list": (_filter_twice, "URLRewrite filter cannot be repeated"),
    "a set with an entry twice": (_header_twice, "count as one"),
    "a required field": (_no_spec, "'spec' is a required property"),
}


@pytest.mark.parametrize(("change", "said"), BREAKS.values(), ids=BREAKS)
def test_the_reader_of_definitions_refuses(
    trees: Mapping[str, FileSet], change: Callable[[dict[str, Any]], None], said: str
) -> None:
    route = deepcopy(dict(of_kind(trees, "HTTPRoute")[0]))
    change(route)
    assert any(said in mistake for mistake in mistakes(route)), mistakes(route)
