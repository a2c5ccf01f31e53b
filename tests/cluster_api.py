"""A small API server over real HTTP: server-side apply, lists, pods behind a proxy. For tests only.

It does what our client relies on, as Kubernetes documents it: field managers with conflicts,
generations, labels, events, Status answers. Its one controller makes pods of Deployments, and a
test says how each image behaves.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from cluster_answers import KINDS, no, status, told, yes
from cluster_held import no_place, stays
from cluster_pods import Image, owner_of, pod_of, replica_set_of, status_of
from cluster_scaler import Scaler
from field_owners import Conflict, Owners

from mlops_spec.runtime.cluster.wait import REVISION

Answering = Callable[[str, str, bytes], tuple[int, bytes]]  # pod, path, body


@dataclass
class Cluster:
    """The state of the server. `fail`: answers to give instead of the next ones, by method."""

    objects: dict[tuple[str, str, str, str], dict] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)
    images: dict[str, Image] = field(default_factory=dict)
    answering: Answering = lambda pod, path, body: (200, b"\n")
    gateway: bool = True
    fail: list[tuple[str, int, dict]] = field(default_factory=list)
    cut: int = 0  # connections to cut before an answer
    asked: list[tuple[str, str]] = field(default_factory=list)
    age: dict[str, int] = field(default_factory=dict)
    scaler: Scaler = field(default_factory=Scaler)
    kinds: dict = field(default_factory=lambda: copy.deepcopy(KINDS))
    controllers: list[Callable[[], None]] = field(default_factory=list)  # beside its own
    lock: threading.RLock = field(default_factory=threading.RLock)
    version: int = 0

    def find(self, kind: str, name: str) -> dict | None:
        return next((o for k, o in self.objects.items() if (k[1], k[3]) == (kind, name)), None)

    def names(self, kind: str) -> list[str]:
        return sorted(key[3] for key in self.objects if key[1] == kind)

    def apply(self, key: tuple[str, str, str, str], body: dict, manager: str, force: bool) -> dict:
        live = self.objects.get(key)
        made = self.owners.apply(key, live, body, manager, force)
        if live is not None and _comparable(made) == _comparable(live):
            return live
        self.version += 1
        spec_changed = live is None or made.get("spec") != live.get("spec")
        made["metadata"] = {
            **made["metadata"], "resourceVersion": str(self.version), "uid": "-".join(key),
            "generation": (live or {}).get("metadata", {}).get("generation", 0) + spec_changed,
        }  # fmt: skip
        if key[1] == "Deployment":
            made["spec"].setdefault("replicas", 1)
        if live is not None and "status" in live:
            made["status"] = live["status"]
        self.objects[key] = made
        return made

    def control(self) -> None:
        """One turn of the controllers."""
        self.scaler.look(self.objects)
        for key, found in list(self.objects.items()):
            if key[1] == "Deployment":
                self._deploy(key, found)
            if key[1] == "HTTPRoute" and self.gateway:
                seen = {"status": "True", "observedGeneration": found["metadata"]["generation"]}
                conditions = [{"type": kind, **seen} for kind in ("Accepted", "ResolvedRefs")]
                found["status"] = {"parents": [{"conditions": conditions}]}

        for controller in self.controllers:
            controller()

    def merge_status(self, key: tuple[str, str, str, str], patch: dict) -> dict | None:
        """What an operator tells a controller through the status of its object."""
        found = self.objects.get(key)
        if found is not None:
            found["status"] = {**found.get("status", {}), **patch["status"]}
        return found

    def _deploy(self, key: tuple[str, str, str, str], found: dict) -> None:
        template, generation = found["spec"]["template"], found["metadata"]["generation"]
        image = template["spec"]["containers"][0]["image"]
        how = self.images.get(image, Image())
        status = {"observedGeneration": generation, "replicas": 0}
        if how.refused:
            condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                         "message": how.refused}  # fmt: skip
            found["status"] = {**status, "conditions": [condition]}
            return
        found["metadata"].setdefault("annotations", {})[REVISION] = str(generation)
        name = f"{key[3]}-{generation}"
        made = replica_set_of(key, template["metadata"]["labels"], generation)
        self.objects["apps/v1", "ReplicaSet", key[2], name] = made
        age = self.age[name] = self.age.get(name, 0) + 1
        ready = how.waiting is None and how.ended is None and age > how.ready_after
        wanted = found["spec"]["replicas"]
        if ready:
            self._drop_pods(key, keep=generation)
        for number in range(wanted):
            pod_key = ("v1", "Pod", key[2], f"{name}-{number}")
            pod = self.objects.setdefault(pod_key, pod_of(key, pod_key, template, generation))
            pod["status"] = status_of(how, image, ready)
        pods = [o for k, o in self.objects.items() if k[1] == "Pod" and owner_of(o) == key[3]]
        mine = [o for o in pods if o["metadata"]["generation"] == generation]
        found["status"] = {
            **status, "replicas": len(pods), "updatedReplicas": len(mine),
            "readyReplicas": wanted if ready or len(pods) > len(mine) else 0,
        }  # fmt: skip

    def _drop_pods(self, key: tuple[str, str, str, str], keep: int) -> None:
        for pod, found in list(self.objects.items()):
            if (
                pod[1] in ("Pod", "ReplicaSet")
                and owner_of(found) == key[3]
                and found["metadata"]["generation"] != keep
            ):
                del self.objects[pod]

    def delete(self, key: tuple[str, str, str, str]) -> dict | None:
        if stays(self.objects.get(key)):
            return self.objects[key]
        found = self.objects.pop(key, None)
        self.owners.forget(key)
        if found is not None and key[1] == "Deployment":
            self._drop_pods(key, keep=-1)
        return found


def _comparable(found: dict) -> dict:
    metadata = {k: v for k, v in found["metadata"].items()
                if k not in ("resourceVersion", "generation", "uid", "managedFields")}  # fmt: skip
    return {**{k: v for k, v in found.items() if k != "status"}, "metadata": metadata}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # one packet an answer
    cluster: Cluster

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self.cluster.lock:
            self.cluster.asked.append((method, parts.path))
            if self.cluster.cut:
                self.cluster.cut -= 1
                self.close_connection = True
                self.connection.close()
                return
            names = (method, f"{method} {parts.path}")
            wrong = next((f for f in self.cluster.fail if f[0] in names), None)
            if wrong:
                self.cluster.fail.remove(wrong)
                code, said = wrong[1], json.dumps(wrong[2]).encode()
            else:
                code, said = self._found(method, parts.path.strip("/").split("/"), query, body)
        self.send_response(code)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _found(self, method: str, path: list[str], query: dict, body: bytes) -> tuple[int, bytes]:
        if "proxy" in path:
            at = path.index("proxy")
            inner = "/" + "/".join(path[at + 1 :]) + (f"?{urlencode(query)}" if query else "")
            return self.cluster.answering(path[at - 1].partition(":")[0], inner, body)
        if path[-1] in ("log", "events"):
            return told(self.cluster.objects, self.cluster.images, path, query)
        return self._object(method, path, query, body)

    def _object(self, method: str, path: list[str], query: dict, body: bytes) -> tuple[int, bytes]:
        api, rest = ("v1", path[2:]) if path[0] == "api" else ("/".join(path[1:3]), path[3:])
        if api not in self.cluster.kinds:
            return no(404, "NotFound", "the server could not find the requested resource")
        if not rest:
            listed = [
                {"name": plural, "kind": kind, "namespaced": kind != "Namespace"}
                for plural, kind in self.cluster.kinds[api].items()
            ]
            return yes({"resources": listed})
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        plural, *name = rest[2:] if namespace else rest
        kind = self.cluster.kinds[api][plural]
        key = (api, kind, namespace, name[0] if name else "")
        match method:
            case "GET":
                self.cluster.control()
                answer = self._one(key) if name else self._many(key, query)
            case "PATCH" if name[1:] == ["status"]:
                told = self.cluster.merge_status(key, json.loads(body))
                answer = yes(told) if told else no(404, "NotFound", f"{key[3]} not found")
            case "PATCH":
                answer = self._apply(key, json.loads(body), query)
            case _:
                gone = self.cluster.delete(key)
                answer = yes(gone) if gone else no(404, "NotFound", f"{key[3]} not found")
        return answer

    def _one(self, key: tuple) -> tuple[int, bytes]:
        found = self.cluster.objects.get(key)
        return yes(found) if found else no(404, "NotFound", f'{key[1]} "{key[3]}" not found')

    def _many(self, key: tuple, query: dict) -> tuple[int, bytes]:
        wanted = dict(pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair)
        found = [
            o for k, o in sorted(self.cluster.objects.items())
            if k[:3] == key[:3] and wanted.items() <= o["metadata"].get("labels", {}).items()
        ]  # fmt: skip
        start = int(query.get("continue", 0))
        page, more = found[start : start + 3], start + 3 < len(found)
        return yes({"items": page, "metadata": {"continue": str(start + 3) if more else ""}})

    def _apply(self, key: tuple, body: dict, query: dict) -> tuple[int, bytes]:
        refused = no_place(self.cluster.objects, key)
        if refused:
            return refused
        before = copy.deepcopy((self.cluster.objects, self.cluster.owners, self.cluster.version))
        try:
            made = copy.deepcopy(
                self.cluster.apply(key, body, query["fieldManager"], query["force"] == "true")
            )
        except Conflict as conflict:
            causes = tuple(
                {"reason": "FieldManagerConflict", "field": at, "message": f'conflict with "{who}"'}
                for at, who in conflict.args[0]
            )
            message = f"Apply failed with {len(causes)} conflict"
            return 409, json.dumps(status(409, "Conflict", message, causes)).encode()
        if "dryRun" in query:
            self.cluster.objects, self.cluster.owners, self.cluster.version = before
        return yes(made)


@contextmanager
def serving(cluster: Cluster) -> Iterator[str]:
    """The URL of a server with this cluster behind it."""
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_kubeconfig(place: Path, url: str, name: str = "test") -> Path:
    """A kubeconfig of one context, as `kubectl` reads it."""
    found = {
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {"token": "secret"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }  # fmt: skip
    place.write_text(json.dumps(found))
    return place
