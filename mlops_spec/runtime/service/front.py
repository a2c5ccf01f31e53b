"""What a service says of itself at `/`: its model, where what is, and a request that works.

JSON, or a page for who asks for HTML, as browsers do. Made when it is asked for.
"""

from __future__ import annotations

import re
import shlex
from html import escape
from typing import Any, Final, Literal, get_args, get_origin

import orjson
from pydantic.fields import FieldInfo

from mlops_spec.runtime.service.compiled_rows import limits_of
from mlops_spec.runtime.service.expecting import EXAMPLE_TIME, expected, kinds_of
from mlops_spec.runtime.service.predicting import JSON, Given, Predictor
from mlops_spec.runtime.service.typed_rows import RowReader

_HTML: Final = (b"content-type", b"text/html; charset=utf-8")
_HOST: Final = re.compile(rb"[A-Za-z0-9.:\[\]-]{1,255}")
_PATH: Final = re.compile(rb"(/[A-Za-z0-9_.~%-]{1,200}){0,8}")
_ASIDE: Final = " (not behind a cluster's gateway)"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{padding:1rem;overflow:auto;background:#8882;border-radius:6px}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem 1.5rem .2rem 0}"
    ":root{color-scheme:light dark}"
)


def front(predictor: Predictor, given: Given) -> tuple[int, bytes, tuple[bytes, bytes]]:
    """Status, body and type of the answer to GET /; `given` are the headers of the request."""
    headers = dict(given)
    about = _about(predictor, _base(headers))
    if b"text/html" in headers.get(b"accept", b"").lower():
        return 200, _page(about).encode(), _HTML
    return 200, orjson.dumps(about, option=orjson.OPT_INDENT_2) + b"\n", JSON


def _about(predictor: Predictor, base: str) -> dict[str, Any]:
    identity, reader = predictor.identity, predictor.reader
    example = {"rows": [example_row(reader)]}
    sent = shlex.quote(orjson.dumps(example).decode())
    protocol = f"{base}/v2/models/{identity.model}"
    places = (
        ("POST", f"{base}/predict", "a prediction for each row"),
        ("GET", f"{base}/openapi.json", "what requests and answers are, for tools"),
        ("GET", protocol, "the same in the words of the Open Inference Protocol"),
        ("POST", f"{protocol}/infer", "predictions in that protocol"),
        ("GET", f"{base}/livez", f"200 while the service runs{_ASIDE}"),
        ("GET", f"{base}/readyz", f"200 while a model is loaded{_ASIDE}"),
        ("GET", f"{base}/metrics", f"counts and times for Prometheus{_ASIDE}"),
    )
    return {
        "model": identity.model,
        "version": identity.version,
        "release": identity.release,
        "routes": [
            {"method": method, "url": url, "answers": what} for method, url, what in places
        ],
        "columns": {
            name: {
                "takes": expected(field), "required": field.is_required(),
                "description": field.description or "",
            }
            for name, field in reader.fields.items()
        },
        "example": example,
        "curl": f"curl -s {base}/predict -H 'content-type: application/json' -d {sent}",
    }  # fmt: skip


def _base(headers: dict[bytes, bytes]) -> str:
    """Where this service is for who asked, as far as it can be known."""
    host = headers.get(b"host", b"")
    if _HOST.fullmatch(host) is None:
        return ""
    # Envoy keeps the path before it was rewritten; the route of a cluster says what it took off.
    path = headers.get(b"x-envoy-original-path", b"/").partition(b"?")[0]
    path = headers.get(b"x-forwarded-prefix", path).rstrip(b"/")
    folder = path if _PATH.fullmatch(path) else b""
    scheme = b"https" if headers.get(b"x-forwarded-proto") == b"https" else b"http"
    return (scheme + b"://" + host + folder).decode("ascii")


def example_row(reader: RowReader) -> dict[str, Any]:
    """A row with every column, of values that the columns take."""
    return {name: _example(field) for name, field in reader.fields.items()}


def _example(field: FieldInfo) -> Any:
    if field.examples:
        return field.examples[0]
    kind = kinds_of(field)[0][0]
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if kind in (float, int):
        least, most, _ = limits_of(field)
        return kind(min(max(0, least), most))
    return _PLAIN.get(kind, EXAMPLE_TIME)


_PLAIN: Final[dict[type, Any]] = {bool: True, str: "1"}


def _page(about: dict[str, Any]) -> str:
    title = escape(f"{about['model']}, version {about['version']}")
    routes = "".join(
        f"<tr><td>{each['method']}</td><td>{_linked(each)}</td><td>{escape(each['answers'])}</td>"
        for each in about["routes"]
    )
    columns = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(column['takes'])}</td>"
        f"<td>{'yes' if column['required'] else 'no'}</td><td>{escape(column['description'])}</td>"
        for name, column in about["columns"].items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>release {escape(about['release'])}</p>"
        f"<h2>A request</h2><pre>{escape(about['curl'])}</pre>"
        f"<h2>What is where</h2><table>{routes}</table>"
        "<h2>Columns of a row</h2><table><tr><th>column<th>takes<th>required<th>"
        f"{columns}</table></html>\n"
    )


def _linked(route: dict[str, str]) -> str:
    url = escape(route["url"])
    return f'<a href="{url}">{url}</a>' if route["method"] == "GET" else url
