"""What the objects of a tree have to be to each other."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from trees import Object, objects, of_kind

from mlops_spec.lower import conventions as c
from mlops_spec.lower.kubernetes.routing import duration
from mlops_spec.model.files import FileSet

Trees = Mapping[str, FileSet]
STANDARD = {c.NAME, c.PART_OF, c.MANAGED_BY, c.COMPONENT, c.ENVIRONMENT}


def _workloads(trees: Trees) -> list[Object]:
    return [*of_kind(trees, "Deployment"), *of_kind(trees, "Rollout")]


def _key(found: Object) -> tuple[str, ...]:
    """Projects and environments differ in their labels, not always in their namespaces."""
    labels = found["metadata"]["labels"]
    return found["metadata"]["name"], labels[c.PART_OF], labels[c.ENVIRONMENT]


def test_every_object_says_whose_it_is(trees: Trees) -> None:
    looked_at = 0
    for tree, files in trees.items():
        for path, found in objects(files):
            looked_at += 1
            metadata = found["metadata"]
            assert metadata["annotations"][c.SOURCE].endswith(".yaml")
            assert ("namespace" in metadata) is (found["kind"] != "Namespace")
            if found["kind"] == "Namespace":  # which projects share
                assert set(metadata["labels"]) & STANDARD == {c.MANAGED_BY}
                continue
            assert set(metadata["labels"]) >= STANDARD, path
            assert metadata["labels"][c.ENVIRONMENT] == tree.partition("/")[2]
    assert looked_at


def test_an_object_a_file_and_no_two_of_one_name(trees: Trees) -> None:
    for files in trees.values():
        found = list(objects(files))
        assert len({path for path, _ in found}) == len(found)
        named = [(o["apiVersion"], o["kind"], o["metadata"]["name"]) for _, o in found]
        assert len(set(named)) == len(named)


def test_names_and_labels_are_as_long_as_kubernetes_takes_them(trees: Trees) -> None:
    """63 characters of a DNS label; a CronJob's leaves room for what its pods add."""
    for files in trees.values():
        for path, found in objects(files):
            longest = 52 if found["kind"] == "CronJob" else 63
            name, labels = found["metadata"]["name"], found["metadata"]["labels"]
            assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name), path
            assert len(name) <= longest, path
            assert all(len(value) <= 63 for value in labels.values()), path


def test_a_namespace_is_ours_or_not_rendered(trees: Trees) -> None:
    for files in trees.values():
        found = list(objects(files))
        used = {o["metadata"]["namespace"] for _, o in found if o["kind"] != "Namespace"}
        made = {o["metadata"]["name"] for _, o in found if o["kind"] == "Namespace"}
        assert made == {n for n in used if n != "default" and not n.startswith("kube-")}


def test_what_selects_pods_in_service_selects_the_stable_ones(trees: Trees) -> None:
    """A pod of a rollout's `next` must be behind no Service and in no budget of this one."""
    by_key = {_key(found): found["spec"] for found in _workloads(trees)}
    assert by_key
    for service in of_kind(trees, "Service"):
        spec = by_key[_key(service)]
        labels = spec["template"]["metadata"]["labels"]
        assert service["spec"]["selector"] == spec["selector"]["matchLabels"]
        assert service["spec"]["selector"].items() <= labels.items()
        assert service["spec"]["selector"][c.TRACK] == c.STABLE
    for budget in of_kind(trees, "PodDisruptionBudget"):
        assert budget["spec"]["selector"] == by_key[_key(budget)]["selector"]


def test_what_watches_and_guards_pods_takes_both_versions(trees: Trees) -> None:
    by_key = {_key(found): found["spec"] for found in _workloads(trees)}
    guarding = [(o, o["spec"]["podSelector"]) for o in of_kind(trees, "NetworkPolicy")]
    watching = [(o, o["spec"]["selector"]) for o in of_kind(trees, "PodMonitor")]
    looked_at = 0
    for found, selector in (*guarding, *watching):
        assert c.TRACK not in selector["matchLabels"]
        if _key(found) in by_key:
            looked_at += 1
            labels = by_key[_key(found)]["template"]["metadata"]["labels"]
            assert selector["matchLabels"].items() <= labels.items()
    assert looked_at


def test_one_owner_of_the_number_of_copies(trees: Trees) -> None:
    scalers = [*of_kind(trees, "HorizontalPodAutoscaler"), *of_kind(trees, "ScaledObject")]
    assert sorted(map(_key, scalers)) == sorted(map(_key, _workloads(trees)))
    for workload in _workloads(trees):
        assert "replicas" not in workload["spec"]
        (scaler,) = (found for found in scalers if _key(found) == _key(workload))
        assert scaler["spec"]["scaleTargetRef"] == {
            "apiVersion": workload["apiVersion"],
            "kind": workload["kind"],
            "name": workload["metadata"]["name"],
        }


def test_a_copy_has_time_to_finish_what_it_was_asked(trees: Trees) -> None:
    for workload in _workloads(trees):
        pod = workload["spec"]["template"]["spec"]
        drain = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] >= drain + 15


def test_no_copy_leaves_before_another_answers(trees: Trees) -> None:
    for found in of_kind(trees, "Deployment"):
        assert found["spec"]["strategy"] == {
            "type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0},
        }  # fmt: skip
        (container,) = found["spec"]["template"]["spec"]["containers"]
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


def test_all_that_can_be_written_is_bounded(trees: Trees) -> None:
    for workload in _workloads(trees):
        pod = workload["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in pod["volumes"]}
        scratch = [volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume]
        assert all("sizeLimit" in volume for volume in scratch)
        resources = container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory", "ephemeral-storage"}
        assert set(resources["limits"]) == {"memory", "ephemeral-storage"}


def test_the_route_leads_to_the_service_and_to_nothing_that_users_need_not(trees: Trees) -> None:
    services = {
        (*_key(o), port["port"]) for o in of_kind(trees, "Service") for port in o["spec"]["ports"]
    }
    assert of_kind(trees, "HTTPRoute")
    for route in of_kind(trees, "HTTPRoute"):
        name, *rest = _key(route)
        paths, called = set(), []
        for rule in route["spec"]["rules"]:
            backends = {(b["name"], *rest, b["port"]) for b in rule["backendRefs"]}
            assert backends <= services
            (match,) = rule["matches"]
            if "headers" in match:
                called.append((rule["backendRefs"][0]["port"], match["headers"][0]["value"]))
            else:
                paths.add(match["path"]["value"])
        public = ("predict", "openapi.json", "v2", "")
        assert paths == {f"/{name}/{path}" for path in public}
        answers_calls = (name, *rest, c.GRPC_PORT) in services
        assert called == ([(c.GRPC_PORT, name)] if answers_calls else [])


def test_a_service_is_asked_by_the_gateway_and_asks_nobody(trees: Trees) -> None:
    (found,) = (
        o for o in of_kind({"": trees["sample/production"]}, "NetworkPolicy")
        if o["metadata"]["name"] == "late-trip"
    )  # fmt: skip
    (rule,) = found["spec"]["ingress"]
    named = [{"kubernetes.io/metadata.name": n} for n in ("infra", "booking", "monitoring")]
    assert found["spec"]["egress"] == []
    assert rule == {
        "from": [
            *({"namespaceSelector": {"matchLabels": labels}} for labels in named),
            {"ipBlock": {"cidr": "10.0.0.0/28"}},
        ],
        "ports": [{"protocol": "TCP", "port": 3000}, {"protocol": "TCP", "port": 9000}],
    }


DURATIONS = {3.0: "3s", 0.0001: "1ms", 1.5: "1s500ms", 3661.25: "1h1m1s250ms", 2419200: "672h"}


@pytest.mark.parametrize(("seconds", "text"), DURATIONS.items())
def test_durations_as_the_gateway_api_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
