"""The Pod Security Standard `restricted`, `baseline` included, as a table of controls.

Written from kubernetes.io/docs/concepts/security/pod-security-standards, Kubernetes 1.32, and the
host field of probes that 1.34 adds. Each control looks at a pod's spec and names what it refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Spec = Mapping[str, Any]
Control = Callable[[Spec], Iterator[str]]

_VOLUMES = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
})  # fmt: skip
_SELINUX = frozenset(
    {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)
_SYSCTLS = frozenset({
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
})  # fmt: skip
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_SECCOMP = ("RuntimeDefault", "Localhost")


def _containers(pod: Spec) -> Iterator[Mapping[str, Any]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.get(kind) or ()


def _context(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return part.get("securityContext") or {}


def _contexts(pod: Spec) -> Iterator[Mapping[str, Any]]:
    yield _context(pod)
    yield from map(_context, _containers(pod))


def host_process(pod: Spec) -> Iterator[str]:
    for context in _contexts(pod):
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield "hostProcess"


def host_namespaces(pod: Spec) -> Iterator[str]:
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))


def privileged(pod: Spec) -> Iterator[str]:
    yield from (c["name"] for c in _containers(pod) if _context(c).get("privileged"))


def capabilities(pod: Spec) -> Iterator[str]:
    for container in _containers(pod):
        found = _context(container).get("capabilities") or {}
        if "ALL" not in (found.get("drop") or ()):
            yield f"{container['name']} keeps capabilities"
        yield from (c for c in found.get("add") or () if c != "NET_BIND_SERVICE")


def volume_types(pod: Spec) -> Iterator[str]:
    for volume in pod.get("volumes") or ():
        yield from set(volume) - {"name"} - _VOLUMES


def host_ports(pod: Spec) -> Iterator[str]:
    for container in _containers(pod):
        yield from (str(p["hostPort"]) for p in container.get("ports") or () if p.get("hostPort"))


def app_armor(pod: Spec) -> Iterator[str]:
    for context in _contexts(pod):
        kind = (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault")
        if kind not in _SECCOMP:
            yield kind


def se_linux(pod: Spec) -> Iterator[str]:
    for context in _contexts(pod):
        options = context.get("seLinuxOptions") or {}
        if options.get("type") not in _SELINUX or options.get("user") or options.get("role"):
            yield str(options)


def proc_mount(pod: Spec) -> Iterator[str]:
    for context in _contexts(pod):
        if context.get("procMount", "Default") != "Default":
            yield context["procMount"]


def sysctls(pod: Spec) -> Iterator[str]:
    found = (entry["name"] for entry in _context(pod).get("sysctls") or ())
    yield from (name for name in found if name not in _SYSCTLS)


def privilege_escalation(pod: Spec) -> Iterator[str]:
    for container in _containers(pod):
        if _context(container).get("allowPrivilegeEscalation") is not False:
            yield container["name"]


def non_root(pod: Spec) -> Iterator[str]:
    """The pod's word holds for containers that say nothing; none may say otherwise."""
    whole = _context(pod).get("runAsNonRoot")
    for container in _containers(pod):
        if _context(container).get("runAsNonRoot", whole) is not True:
            yield container["name"]


def root_user(pod: Spec) -> Iterator[str]:
    yield from ("runAsUser: 0" for context in _contexts(pod) if context.get("runAsUser") == 0)


def seccomp(pod: Spec) -> Iterator[str]:
    whole = (_context(pod).get("seccompProfile") or {}).get("type")
    if whole is not None and whole not in _SECCOMP:
        yield str(whole)
    for container in _containers(pod):
        own = (_context(container).get("seccompProfile") or {}).get("type", whole)
        if own not in _SECCOMP:
            yield container["name"]


def host_of_probes(pod: Spec) -> Iterator[str]:
    for container in _containers(pod):
        hooks = (container.get("lifecycle") or {}).values()
        probes = (
            container.get(f"{name}Probe") or {} for name in ("liveness", "readiness", "startup")
        )
        for handler in (*hooks, *probes):
            for action in ("httpGet", "tcpSocket"):
                if (handler.get(action) or {}).get("host"):
                    yield handler[action]["host"]


CONTROLS: Mapping[str, Control] = {
    "host process": host_process,
    "host namespaces": host_namespaces,
    "privileged": privileged,
    "capabilities": capabilities,
    "volume types": volume_types,
    "host ports": host_ports,
    "AppArmor": app_armor,
    "SELinux": se_linux,
    "/proc mount": proc_mount,
    "sysctls": sysctls,
    "privilege escalation": privilege_escalation,
    "runs as non-root": non_root,
    "root user": root_user,
    "seccomp": seccomp,
    "host of probes": host_of_probes,
}


def violations(pod: Spec) -> list[str]:
    """`control: what it refuses`, for every control that does not hold."""
    return [f"{name}: {what}" for name, control in CONTROLS.items() for what in control(pod)]


def pods_of(found: Mapping[str, Any]) -> list[Spec]:
    """The specs of the pods that an object makes."""
    match found["kind"]:
        case "CronJob":
            return [found["spec"]["jobTemplate"]["spec"]["template"]["spec"]]
        case "Deployment" | "Rollout" | "Job":
            return [found["spec"]["template"]["spec"]]
        case "SparkApplication":
            return list(_of_spark(found["spec"]))
        case "ScheduledSparkApplication":
            return list(_of_spark(found["spec"]["template"]))
        case _:
            return []


def _of_spark(application: Mapping[str, Any]) -> Iterator[Spec]:
    """Driver and executors as the operator makes them, each of one container."""
    for name in ("driver", "executor"):
        part = application[name]
        yield {
            "containers": [{**part, "name": name}],
            "securityContext": part.get("podSecurityContext"),
            "volumes": application.get("volumes"),
        }
