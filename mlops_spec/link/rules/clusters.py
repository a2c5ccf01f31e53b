"""Environments in a cluster: what their router honours, and what they need from it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from itertools import combinations
from typing import Final

from mlops_spec.diagnostics import Diagnostics, Span
from mlops_spec.diagnostics.catalogue import (
    CLUSTER_MISFIT,
    LOGS_END_WITH_PODS,
    NO_FLOWS_IN_CLUSTER,
    SHARED_OBJECTS,
    UNREACHABLE_ROLLOUT,
    UNSHARED_CALLS,
    UNSPLITTABLE_STEPS,
)
from mlops_spec.link.resolve import Resolved
from mlops_spec.link.scope import Scope
from mlops_spec.model.spec.project import EnvironmentSpec
from mlops_spec.terms.exposition import LONGEST_SECONDS

_ROUTERS: Final = {"processes": ("envoy",), "kubernetes": ("gateway-api", "argo-rollouts")}
_ARGO: Final = "argo-rollouts"
_TWO_LOOKS: Final = 60.0  # seconds: of Argo at Prometheus, and of Prometheus at pods
_OF_CLUSTERS: Final = ("gateway", "callers", "api_server", "volume", "volume_size")


def routers_exist_where_services_run(scope: Scope, found: Diagnostics) -> None:
    """MLS309: Envoy splits traffic between processes, the others between pods."""
    for name, environment in _environments(scope):
        serve = environment.serve
        routers = _ROUTERS[serve.on]
        if serve.router not in routers:
            found.add(
                UNREACHABLE_ROLLOUT,
                f"{serve.router} cannot shadow or split traffic between {serve.on} here",
                at=_at(scope, name, "serve", "router"),
                help=f"with on: {serve.on}, write router: {' or '.join(routers)}",
            )


def rows_are_replayed_on_this_machine_alone(scope: Scope, found: Diagnostics) -> None:
    """MLS309: held-out rows lie beside the flows, not in a cluster."""
    for name, environment in _in_clusters(scope):
        if environment.traffic == "replay":
            found.add(
                UNREACHABLE_ROLLOUT,
                "held-out rows are sent as requests to processes on this machine, not to a cluster",
                at=_at(scope, name, "traffic"),
                help="write traffic: users; a rollout in a cluster waits for real requests",
            )


def argo_has_something_to_judge_by(scope: Scope, found: Diagnostics) -> None:
    """MLS309: without queries, Argo would take every step that comes."""
    for name, environment in _with_argo(scope):
        watching = environment.monitoring
        if watching and watching.prometheus and watching.operator == "prometheus-operator":
            continue
        found.add(
            UNREACHABLE_ROLLOUT,
            "Argo Rollouts judges by Prometheus, which must tell the pods of two versions apart",
            at=_at(scope, name, "serve", "router"),
            help="add monitoring: {prometheus: http://…, operator: prometheus-operator}",
        )


def argo_can_take_the_steps(scope: Scope, found: Diagnostics) -> None:
    """MLS309: Argo sends no copies of requests, sees no scores, and what Prometheus tells."""
    for name, _ in _with_argo(scope):
        for model in scope.resolved:
            for key, why, instead in _not_for_argo(model):
                found.add(
                    UNREACHABLE_ROLLOUT,
                    f"argo-rollouts of {name!r} cannot roll {model.model.spec.name} out: {why}",
                    at=_in_rollout(scope, model, *key),
                    help=f"{instead}, or write router: gateway-api",
                )


def _not_for_argo(model: Resolved) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(where, why, what to do) for each part of a rollout that Argo does not have."""
    spec = model.rollout.spec
    own = f"a Rollout of its own for {model.model.spec.name}"
    if spec.shadow is not None:
        why = "it sends no copies of requests, so that nothing could agree"
        yield ("shadow",), why, f"leave `shadow` out in {own}"
    if spec.abort_when.score_shift is not None:
        why = "it sees no scores, so that no shift of them would stop it"
        yield ("abort_when", "score_shift"), why, f"write `score_shift: null` in {own}"
    if spec.abort_when.p99.above.seconds >= LONGEST_SECONDS:
        why = f"its histogram ends at {LONGEST_SECONDS:g} s, so that no p99 is above that"
        yield ("abort_when", "p99"), why, f"write less than {LONGEST_SECONDS:g}s in {own}"
    if spec.canary.each.at_most.seconds < _TWO_LOOKS:
        why = "it looks twice a minute, and would see no request in a step this short"
        yield ("canary", "each", "at_most"), why, f"write `at_most: 1m` or more in {own}"


def copies_can_split_as_the_steps_say(scope: Scope, found: Diagnostics) -> None:
    """MLS340: Argo's share of traffic is the new version's share of the copies."""
    for name, _ in _with_argo(scope):
        for model in scope.resolved:
            least = model.model.spec.serve.replicas.min
            for position, share in enumerate(model.rollout.spec.canary.steps):
                if _splits(share.value, least):
                    continue
                found.add(
                    UNSPLITTABLE_STEPS,
                    f"{_copies(least)} of {model.model.spec.name} cannot take {share} of the "
                    f"traffic of {name!r}",
                    at=_in_rollout(scope, model, "canary", "steps", position),
                    help=f"steps are whole percents and whole copies: {_possible(least)}; or set "
                    "serve.replicas.min higher, or write router: gateway-api",
                )


def _splits(share: float, copies: int) -> bool:
    return _whole(share * copies) and _whole(share * 100)


def _whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9


def _copies(count: int) -> str:
    return "1 copy" if count == 1 else f"{count} copies"


def _possible(copies: int) -> str:
    shares = [percent for percent in range(1, 101) if _splits(percent / 100, copies)]
    shown = shares if len(shares) <= 4 else [*shares[:3], shares[-1]]
    return f"[{', '.join(f'{percent}%' for percent in shown)}] with {copies}"


def a_gateway_shares_calls_out(scope: Scope, found: Diagnostics) -> None:
    """MLS345: a Service shares connections out, and one of gRPC carries all calls of a caller."""
    for name, environment in _with_argo(scope):
        if environment.serve.gateway is not None:
            continue
        for model in scope.resolved:
            if model.model.spec.serve.grpc:
                found.add(
                    UNSHARED_CALLS,
                    f"callers of gRPC in {name!r} stay with one copy of {model.model.spec.name}, "
                    "whichever share of the copies is new",
                    at=model.model.places.value("serve", "grpc"),
                    help=f"name a gateway in environments.{name}.serve, which shares calls out",
                )


def environments_do_not_share_objects(scope: Scope, found: Diagnostics) -> None:
    """MLS341: objects are named for models, so that each environment needs its own namespace."""
    for (first, one), (second, other) in combinations(_in_clusters(scope), 2):
        if _cluster(one) == _cluster(other):
            found.add(
                SHARED_OBJECTS,
                f"{first!r} and {second!r} would own the same objects in namespace "
                f"{other.serve.namespace!r}",
                at=_at(scope, second, "serve", "namespace"),
                help="give each its own namespace, or its own cluster by `context`",
                related=((_at(scope, first, "serve", "namespace"), f"{first!r} is here"),),
            )


def _cluster(environment: EnvironmentSpec) -> tuple[str | None, str]:
    return environment.serve.context, environment.serve.namespace


def something_runs_the_flows(scope: Scope, found: Diagnostics) -> None:
    """MLS342: without an image there is no CronJob, and another machine has to monitor."""
    for name, environment in _in_clusters(scope):
        if environment.flows is None:
            batches = [m.spec.name for m in scope.models if m.spec.batch]
            also = f", nor the batch predictions of {', '.join(batches)}" if batches else ""
            found.add(
                NO_FLOWS_IN_CLUSTER,
                f"no CronJob of {name!r} monitors its models{also}",
                at=scope.project.places.key("environments", name),
                help="add flows: {image: …}, or keep generated/…/flows/serve.py running",
            )


def logs_outlive_their_pods(scope: Scope, found: Diagnostics) -> None:
    """MLS344: what a pod answered is what the monitor reads later."""
    for name, environment in _in_clusters(scope):
        if environment.serve.volume is None:
            found.add(
                LOGS_END_WITH_PODS,
                f"what services of {name!r} answered is lost with their pods: monitors see nothing",
                at=scope.project.places.key("environments", name, "serve"),
                help="add volume: with the name of a PersistentVolumeClaim (ReadWriteMany)",
            )


def fields_fit_where_services_run(scope: Scope, found: Diagnostics) -> None:
    """MLS343: a field without an effect would be believed to have one."""
    for name, environment in _environments(scope):
        for key, why, instead in _misfits(environment):
            at = _at(scope, name, *key)
            found.add(CLUSTER_MISFIT, why, at=at, help=instead)


def _misfits(environment: EnvironmentSpec) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    serve = environment.serve
    if serve.on == "processes":
        of_serve = (("serve", key) for key in _OF_CLUSTERS if getattr(serve, key))
        of_all = ((key,) for key in ("monitoring", "flows") if getattr(environment, key))
        for at in (*of_serve, *of_all):
            yield at, f"`{at[-1]}` means nothing for processes on this machine", "remove it"
    elif serve.volume_size and not serve.volume:
        why = "no claim is named that would have this size"
        yield ("serve", "volume_size"), why, "add volume: with the name of the claim"
    for position, addresses in enumerate(serve.api_server):
        mistake = _mistake_in(addresses)
        if mistake:
            help = "write the first address of a range and its length: 10.0.0.0/28"
            yield ("serve", "api_server", position), mistake, help
    if environment.flows and environment.state_env and not environment.flows.secret:
        why = f"no CronJob would have {environment.state_env}, the address of the state"
        yield ("flows",), why, "add secret: with the name of a Secret that has this key"


def _mistake_in(addresses: str) -> str:
    try:
        ip_network(addresses)
    except ValueError as error:
        return f"{addresses!r} is no range of addresses: {error}"
    return ""


def _environments(scope: Scope) -> Iterator[tuple[str, EnvironmentSpec]]:
    yield from scope.project.spec.environments.items()


def _in_clusters(scope: Scope) -> Iterator[tuple[str, EnvironmentSpec]]:
    return ((name, e) for name, e in _environments(scope) if e.serve.on == "kubernetes")


def _with_argo(scope: Scope) -> Iterator[tuple[str, EnvironmentSpec]]:
    return ((name, e) for name, e in _in_clusters(scope) if e.serve.router == _ARGO)


def _at(scope: Scope, environment: str, *key: str | int) -> Span:
    return scope.project.places.value("environments", environment, *key)


def _in_rollout(scope: Scope, model: Resolved, *key: str | int) -> Span:
    """The place in the user's own Rollout; in the model where it is the one that we ship."""
    if model.rollout in scope.specs:
        return model.rollout.places.value(*key)
    return model.model.places.value("rollout")


RULES: Final = (
    routers_exist_where_services_run,
    rows_are_replayed_on_this_machine_alone,
    argo_has_something_to_judge_by,
    argo_can_take_the_steps,
    copies_can_split_as_the_steps_say,
    a_gateway_shares_calls_out,
    environments_do_not_share_objects,
    something_runs_the_flows,
    logs_outlive_their_pods,
    fields_fit_where_services_run,
)
