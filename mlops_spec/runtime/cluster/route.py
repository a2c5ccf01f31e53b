"""The split of traffic as an HTTPRoute of the Gateway API says it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from mlops_spec.runtime.cluster.instance import Track, name_of
from mlops_spec.runtime.cluster.objects import Object, at

KIND: Final = "HTTPRoute"
# Weights are whole numbers: a share is one part in a thousand.
_PARTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Split:
    """The share of requests that the next track answers, and whether it gets copies of all."""

    next: float = 0.0
    mirror: bool = False

    @property
    def needs_next(self) -> bool:
        return self.next > 0 or self.mirror

    @property
    def weights(self) -> Mapping[Track, int]:
        parts = round(self.next * _PARTS)
        return {"stable": _PARTS - parts, "next": parts}


def routed(route: Object, model: str, split: Split, ports: Collection[int] | None = None) -> Object:
    """The rendered route with this split: every rule that leads to the model's Service gets it.

    `ports`: those on which all answer that have a share, if that is known. Without a rule for
    another one callers are told that there is nothing, rather than that nobody is there just now.
    """
    rules = [
        _rule(rule, model, split)
        for rule in route["spec"]["rules"]
        if ports is None or all(one["port"] in ports for one in _ours(rule, model))
    ]
    return {**route, "spec": {**route["spec"], "rules": rules}}


def _ours(rule: Object, model: str) -> list[Object]:
    return [one for one in rule.get("backendRefs", []) if one["name"] == model]


def _rule(rule: Object, model: str, split: Split) -> Object:
    ours = _ours(rule, model)
    if not ours or not split.needs_next:
        return rule
    stable = ours[0]
    weighed = [
        {**stable, "name": name_of(model, track), "weight": weight}
        for track, weight in split.weights.items()
        if track == "stable" or split.next > 0
    ]
    others = [one for one in rule["backendRefs"] if one["name"] != model]
    made = {**rule, "backendRefs": [*others, *weighed]}
    if split.mirror:
        copy = {"name": name_of(model, "next"), "port": stable["port"]}
        filters = [
            *rule.get("filters", []),
            {"type": "RequestMirror", "requestMirror": {"backendRef": copy}},
        ]
        made["filters"] = filters
    return made


def ports_led_to(route: Object) -> set[int]:
    """Every port to which some rule leads."""
    rules = at(route, "spec", "rules", default=[])
    return {one["port"] for rule in rules for one in rule.get("backendRefs", [])}


def shares(route: Object) -> dict[str, float]:
    """The share of requests that each Service gets by the first rule, which is for predictions."""
    backends = at(route, "spec", "rules", 0, "backendRefs", default=[])
    whole = sum(one.get("weight", 1) for one in backends)
    return {one["name"]: one.get("weight", 1) / whole for one in backends} if whole else {}


def taken(route: Object) -> bool:
    """Whether every gateway that looks after the route works with what it says now."""
    parents = at(route, "status", "parents", default=[])
    generation = at(route, "metadata", "generation", default=0)
    return bool(parents) and all(
        _true(parent, kind, generation)
        for parent in parents
        for kind in ("Accepted", "ResolvedRefs")
    )


def trouble_of(route: Object) -> str:
    """Why it is not taken, in the words of the gateway's controller."""
    parents = at(route, "status", "parents", default=[])
    if not parents:
        return "no controller of a Gateway looks after it"
    said = [
        f"{condition['type']}: {condition.get('message') or condition.get('reason', '')}"
        for parent in parents
        for condition in parent.get("conditions", [])
        if condition["status"] != "True"
    ]
    return "; ".join(said) or "its controller has not seen the newest change"


def _true(parent: Object, kind: str, generation: int) -> bool:
    return any(
        condition["type"] == kind
        and condition["status"] == "True"
        and condition.get("observedGeneration", generation) >= generation
        for condition in parent.get("conditions", [])
    )
