"""Pods fit the `restricted` Pod Security Standard, and the checker sees each way not to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
from pod_security import CONTROLS, pods_of, violations
from trees import objects, of_kind

from mlops_spec.model.files import FileSet

Pod = dict[str, Any]


@pytest.fixture
def pod(trees: Mapping[str, FileSet]) -> Pod:
    found = of_kind(trees, "Deployment")[0]
    return deepcopy(dict(*pods_of(found)))


def test_every_pod_is_restricted(trees: Mapping[str, FileSet]) -> None:
    kinds = set()
    for files in trees.values():
        for path, found in objects(files):
            for spec in pods_of(found):
                kinds.add(found["kind"])
                assert violations(spec) == [], path
    assert kinds >= {"CronJob", "Deployment", "Rollout", "SparkApplication"}


def _pod(**values: Any) -> Callable[[Pod], None]:
    return lambda pod: pod.update(values)


def _pod_context(**values: Any) -> Callable[[Pod], None]:
    return lambda pod: pod["securityContext"].update(values)


def _container(**values: Any) -> Callable[[Pod], None]:
    return lambda pod: pod["containers"][0].update(values)


def _context(**values: Any) -> Callable[[Pod], None]:
    return lambda pod: pod["containers"][0]["securityContext"].update(values)


def _without(*names: str) -> Callable[[Pod], None]:
    def change(pod: Pod) -> None:
        for context in (pod["securityContext"], pod["containers"][0]["securityContext"]):
            for name in names:
                context.pop(name, None)

    return change


BARE = {"name": "init", "image": "init"}
MUTATIONS: Mapping[str, tuple[Callable[[Pod], None], set[str]]] = {
    "a host process": (
        _pod_context(windowsOptions={"hostProcess": True}), {"host process"},
    ),
    "the host's network": (_pod(hostNetwork=True), {"host namespaces"}),
    "the host's processes": (_pod(hostPID=True), {"host namespaces"}),
    "the host's IPC": (_pod(hostIPC=True), {"host namespaces"}),
    "a privileged container": (_context(privileged=True), {"privileged"}),
    "an added capability": (
        _context(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}), {"capabilities"},
    ),
    "kept capabilities": (_context(capabilities={"drop": ["NET_RAW"]}), {"capabilities"}),
    "a folder of the host": (
        _pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), {"volume types"},
    ),
    "an NFS volume": (_pod(volumes=[{"name": "v", "nfs": {}}]), {"volume types"}),
    "a port of the host": (
        _container(ports=[{"containerPort": 1, "hostPort": 1}]), {"host ports"},
    ),
    "no AppArmor": (_context(appArmorProfile={"type": "Unconfined"}), {"AppArmor"}),
    "another SELinux type": (_pod_context(seLinuxOptions={"type": "spc_t"}), {"SELinux"}),
    "an SELinux user": (_context(seLinuxOptions={"user": "root"}), {"SELinux"}),
    "an unmasked /proc": (_context(procMount="Unmasked"), {"/proc mount"}),
    "a kernel setting": (
        _pod_context(sysctls=[{"name": "kernel.msgmax", "value": "1"}]), {"sysctls"},
    ),
    "escalation": (_context(allowPrivilegeEscalation=True), {"privilege escalation"}),
    "escalation by default": (_without("allowPrivilegeEscalation"), {"privilege escalation"}),
    "root by default": (_without("runAsNonRoot"), {"runs as non-root"}),
    "root in one container": (_context(runAsNonRoot=False), {"runs as non-root"}),
    "user 0": (_pod_context(runAsUser=0), {"root user"}),
    "user 0 in one container": (_context(runAsUser=0), {"root user"}),
    "no seccomp": (_without("seccompProfile"), {"seccomp"}),
    "seccomp switched off": (
        _context(seccompProfile={"type": "Unconfined"}), {"seccomp"},
    ),
    "a probe of another host": (
        _container(livenessProbe={"httpGet": {"host": "example", "port": 1}}), {"host of probes"},
    ),
    "a hook to another host": (
        _container(lifecycle={"preStop": {"httpGet": {"host": "example", "port": 1}}}),
        {"host of probes"},
    ),
    "an init container without a word": (
        _pod(initContainers=[BARE]), {"capabilities", "privilege escalation"},
    ),
    "a debugging container without a word": (
        _pod(ephemeralContainers=[BARE]), {"capabilities", "privilege escalation"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "refused"), MUTATIONS.values(), ids=MUTATIONS)
def test_the_checker_sees(pod: Pod, change: Callable[[Pod], None], refused: set[str]) -> None:
    change(pod)
    assert {found.partition(":")[0] for found in violations(pod)} == refused


def test_every_control_is_shown_to_refuse_something() -> None:
    assert set().union(*(refused for _, refused in MUTATIONS.values())) == set(CONTROLS)
