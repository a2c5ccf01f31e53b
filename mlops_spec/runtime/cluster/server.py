"""The API server: get, list, apply, delete, and asking a pod through it.

Objects stay plain mappings. The official client gives the connection (kubeconfig, TLS, plugins);
its thousand typed classes are not used, because what is applied was rendered and is data.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from mlops_spec.runtime.cluster.connection import Connection
from mlops_spec.runtime.cluster.kinds import ASKED_BY
from mlops_spec.runtime.cluster.objects import Object, Ref, going, ref_of, selector
from mlops_spec.runtime.cluster.refused import (
    OLDEST,
    Unreachable,
    denied,
    is_busy,
    stays,
    words_of,
)
from mlops_spec.runtime.refusal import Refusal, gist
from mlops_spec.terms.labels import MANAGER

CONNECT_WITHIN: Final = 5.0  # seconds
ANSWER_WITHIN: Final = 30.0
# An API server that restarts, or is asked too much, is back within this; afterwards it is gone.
PATIENCE: Final = 30.0
_APPLY: Final = "application/apply-patch+yaml"
_PAGE: Final = 500
_GLANCE: Final = 1024  # bytes of what a watch tells: that it tells is enough
_UNTIL_GONE: Final = 0.5  # seconds between two tries at what is still being removed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a pod answered through the API server; `status` is the pod's own, or the server's."""

    status: int
    body: bytes


@dataclass
class ApiServer:
    """One cluster. `Unreachable` when it does not answer, `Denied` when it says no."""

    connection: Connection
    patience: float = PATIENCE
    sleep: Callable[[float], None] = time.sleep
    _kinds: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)

    def get(self, ref: Ref) -> Object | None:
        """The object, or None when it is not there."""
        status, body = self._ask("GET", self._path(ref))
        if status == 404:
            return None
        return self._object(status, body, f"read {ref}")

    def list(
        self, api: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> tuple[Object, ...]:
        """All objects of a kind with these labels; () when the cluster does not know the kind."""
        if not self.knows(api, kind):
            return ()
        found: list[Object] = []
        query = {"labelSelector": selector(labels), "limit": str(_PAGE)}
        while True:
            path = self._path(Ref(api, kind, namespace, ""))
            page = self._object(
                *self._ask("GET", path, query), f"list {kind.lower()}s in {namespace}"
            )
            found += [{"apiVersion": api, "kind": kind, **item} for item in page["items"]]
            more = page["metadata"].get("continue")
            if not more:
                return tuple(found)
            query = {**query, "continue": more}

    def apply(self, wanted: Object, *, dry_run: bool = False, take_over: bool = False) -> Object:
        """Server-side apply by one field manager; what the server made of it.

        MLS624 when another manager has set a field otherwise, unless `take_over`. What is being
        removed is applied again when it is gone.
        """
        ref, deadline = ref_of(wanted), time.monotonic() + self.patience
        query = {"fieldManager": MANAGER, "force": str(take_over).lower()}
        if dry_run:
            query["dryRun"] = "All"
        body = json.dumps(wanted).encode()
        while True:
            answered = self._ask("PATCH", self._path(ref), query, body, _APPLY)
            made = self._object(*answered, f"apply {ref}")
            if dry_run or not going(made):
                return made
            if time.monotonic() > deadline:
                raise stays(f"{ref}", made)
            self.sleep(_UNTIL_GONE)

    def patch_status(self, ref: Ref, patch: Object) -> None:
        """Merge something into the status of an object, as who operates its controller does."""
        body, kind = json.dumps(patch).encode(), "application/merge-patch+json"
        answered = self._ask("PATCH", f"{self._path(ref)}/status", None, body, kind)
        self._object(*answered, f"tell the controller of {ref}")

    def delete(self, ref: Ref) -> bool:
        """Remove an object and, in the background, what belongs to it; whether it was there."""
        body = json.dumps({"propagationPolicy": "Background"}).encode()
        status, said = self._ask("DELETE", self._path(ref), None, body)
        if status == 404:
            return False
        self._object(status, said, f"remove {ref}")
        return True

    def await_change(self, found: Object, within: float) -> None:
        """Wait until an object is not as it was read any more, `within` seconds at most.

        What the server tells is not believed, only taken for a reason to read again: so it does
        not matter when a watch begins too late (410), is cut or is not allowed: it ends at once.
        """
        ref, version = ref_of(found), str(found["metadata"].get("resourceVersion", ""))
        query = {
            "watch": "true", "fieldSelector": f"metadata.name={ref.name}",
            "resourceVersion": version, "timeoutSeconds": str(max(1, round(within))),
        }  # fmt: skip
        path = self._path(replace(ref, name=""))
        try:
            with closing(
                self._send("GET", path, query, None, "application/json", within + CONNECT_WITHIN)
            ) as answer:
                next(answer.stream(_GLANCE), b"")
        except Exception as error:
            if not isinstance(error, OSError | _Broken) and not _is_of_pool(error):
                raise

    def ask_pod(
        self, namespace: str, pod: str, port: int, path: str, body: bytes | None = None
    ) -> Answer:
        """A request to a pod through the API server: any kubeconfig reaches it."""
        place = f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}"
        method = "GET" if body is None else "POST"
        try:
            return Answer(*self._once(method, place, None, body, "application/json"))
        except _Broken as broken:
            raise Unreachable(*self._gone(broken)) from broken

    def events(self, namespace: str, name: str) -> tuple[Object, ...]:
        """What happened to an object lately, oldest first; () where that may not be read."""
        query = {"fieldSelector": f"involvedObject.name={name}", "limit": str(_PAGE)}
        status, body = self._ask("GET", f"/api/v1/namespaces/{namespace}/events", query)
        return tuple(json.loads(body)["items"]) if status == 200 else ()

    def log(self, namespace: str, pod: str, container: str, *, lines: int, before: bool) -> str:
        """The last lines of a container, or of the one `before` it; "" when there are none."""
        query = {
            "container": container, "tailLines": str(lines), "previous": str(before).lower(),
        }  # fmt: skip
        status, body = self._ask("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query)
        return body.decode(errors="replace") if status == 200 else ""

    def knows(self, api: str, kind: str) -> bool:
        """Whether the cluster has this kind: a custom one has to be installed."""
        if (api, kind) not in self._kinds:
            prefix = "/api/" if "/" not in api else "/apis/"
            status, body = self._ask("GET", f"{prefix}{api}")
            said = {} if status == 404 else self._object(status, body, f"look up {api}")
            for found in said.get("resources", ()):
                if "/" not in found["name"]:
                    self._kinds[api, found["kind"]] = (found["name"], found["namespaced"])
        return (api, kind) in self._kinds

    def _path(self, ref: Ref) -> str:
        if not self.knows(ref.api, ref.kind):
            asked_by = ASKED_BY.get(ref.kind, ())
            help = "install what defines it, or leave it out of the spec; spec explain MLS623"
            raise Refusal(
                "MLS623",
                f"the cluster knows no {ref.kind} ({ref.api})",
                help if asked_by else f"it is part of Kubernetes {OLDEST}: update the cluster",
                field=asked_by,
            )
        plural, namespaced = self._kinds[ref.api, ref.kind]
        prefix = "/api/" if "/" not in ref.api else "/apis/"
        within = f"/namespaces/{ref.namespace}" if namespaced else ""
        return f"{prefix}{ref.api}{within}/{plural}" + (f"/{quote(ref.name)}" if ref.name else "")

    def _ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None,
        body: bytes | None = None, kind: str = "application/json",
    ) -> tuple[int, bytes]:  # fmt: skip
        """An answer, asked for again while the server is busy: anything may be done twice."""
        deadline = time.monotonic() + self.patience
        pause = 0.2
        while True:
            try:
                status, said = self._once(method, path, query, body, kind)
                if not is_busy(status, said) or time.monotonic() + pause > deadline:
                    return status, said
            except _Broken as broken:
                if time.monotonic() + pause > deadline:
                    raise Unreachable(*self._gone(broken)) from broken
            self.sleep(pause)
            pause = min(2 * pause, 5.0)

    def _once(
        self, method: str, path: str, query: Mapping[str, str] | None, body: bytes | None, kind: str
    ) -> tuple[int, bytes]:
        with closing(self._send(method, path, query, body, kind)) as answer:
            try:
                return int(answer.status), bytes(answer.read())
            except (OSError, ValueError) as error:
                raise _Broken(gist(error)) from error
            except Exception as error:
                if _is_of_pool(error):
                    raise _Broken(gist(error)) from error
                raise

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: bytes | None,
        kind: str, within: float = ANSWER_WITHIN,
    ) -> Any:  # fmt: skip
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        url = f"{self.connection.server.rstrip('/')}{path}{'?' + urlencode(query) if query else ''}"
        headers = {**self.connection.headers(), "accept": "application/json"}
        if body is not None:
            headers["content-type"] = kind
        try:
            return self.connection.pool.request(
                method, url, body=body, headers=headers, preload_content=False, retries=False,
                timeout=Timeout(connect=CONNECT_WITHIN, read=within),
            )  # fmt: skip
        except (HTTPError, OSError) as error:
            raise _Broken(gist(error)) from error

    def _object(self, status: int, body: bytes, what: str) -> Object:
        if is_busy(status, body):
            reason = f"it answers {status} to: {what}"
            said = words_of(body)
            raise Unreachable(*self._gone(_Broken(f"{reason}: {said}" if said else reason)))
        if status >= 400:
            raise denied(status, body, what)
        found: Object = json.loads(body)
        return found

    def _gone(self, broken: _Broken) -> tuple[str, str, str]:
        return (
            "MLS620",
            f"the cluster of {self.connection} does not answer: {broken}",
            "what serves there goes on serving; when the API server answers again, the same"
            " command finishes",
        )


def _is_of_pool(error: Exception) -> bool:
    return type(error).__module__.startswith("urllib3")


class _Broken(Exception):
    """No answer: the connection was refused, cut or silent."""
