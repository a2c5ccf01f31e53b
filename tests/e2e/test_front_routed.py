"""The address that `spec apply` prints for a live model says what there is, routed and not."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from local_router import envoy, until
from packaged_service import Copy, project, released, running

from mlops_spec.runtime.router.envoy import publish
from mlops_spec.state import Deployment
from mlops_spec.targets.programs import addresses

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
]
RELEASE = "0123456789abcdef"


@pytest.fixture(scope="module")
def copy_and_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Copy, str]]:
    """A service on its own port, and the address that is printed for its model."""
    context = project(tmp_path_factory.mktemp("project"))
    released(context, RELEASE)
    with ExitStack() as stack:
        copy = stack.enter_context(running(context, RELEASE))
        stack.enter_context(envoy(context.workspace))
        publish(
            context.workspace,
            [Deployment("trip", RELEASE, "r1", "7", "production", 1.0, False, copy.port)],
        )
        ((_, address), *_) = addresses(context.workspace, ("trip",))
        until(lambda: httpx.get(address).status_code == 200)
        yield copy, address


def test_it_is_answered_with_and_without_the_last_slash(copy_and_address: tuple[Copy, str]) -> None:
    _, address = copy_and_address
    found = httpx.get(address)
    assert (found.status_code, found.headers["vary"]) == (200, "accept")
    assert (found.json()["model"], found.json()["version"]) == ("trip", "7")
    head = httpx.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == found.headers["content-length"]
    moved = httpx.get(address.rstrip("/"))
    assert (moved.status_code, moved.headers["location"]) == (308, address)
    page = httpx.get(address, headers={"accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f"{address}openapi.json" in page.text


def test_every_address_on_it_answers_and_its_request_is_predicted(
    copy_and_address: tuple[Copy, str],
) -> None:
    copy, address = copy_and_address
    for base in (f"{copy.url}/", address):
        about = httpx.get(base).json()
        gets = [each["url"] for each in about["routes"] if each["method"] == "GET"]
        assert [httpx.get(url).status_code for url in gets] == [200] * len(gets)
        assert all(url.startswith(base) for url in gets)
        _, _, url, _, header, _, content = shlex.split(about["curl"])
        name, _, value = header.partition(": ")
        answer = httpx.post(url, content=content, headers={name: value})
        assert (answer.status_code, len(answer.json()["predictions"])) == (200, 1)


def test_what_is_not_there_is_said_with_what_is(copy_and_address: tuple[Copy, str]) -> None:
    copy, address = copy_and_address
    refused = httpx.post(f"{copy.url}/")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    for method in ("PUT", "DELETE", "PATCH"):
        assert httpx.request(method, f"{address}livez").headers["allow"] == "GET, HEAD"
    assert httpx.get(f"{address}predict/").json()["error"] == (
        "there is no /predict/; predictions are at /predict, / says what else is"
    )
    elsewhere = httpx.get(address.replace("/trip/", "/trap/"))
    assert (elsewhere.status_code, elsewhere.json()["detail"]) == (
        404, "no model is served under this path; models are at /trip/",
    )  # fmt: skip
    assert "/" in httpx.get(f"{address}openapi.json").json()["paths"]
