"""Requests that a fuzzer makes out of the service's own description: no 5xx, and no memory kept."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from packaged_service import Copy, project, released, running
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(onnx|skl2onnx|google).*"),
    pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning"),
]

# The 10,000 take some minutes: MLOPS_SPEC_FUZZ_REQUESTS=10000, as `make soak` asks for.
REQUESTS = int(os.environ.get("MLOPS_SPEC_FUZZ_REQUESTS", "400"))
WARM = min(REQUESTS // 4, 1_000)
# Nearly all of the time goes into making requests up, 40 ms each: every core makes some.
FUZZERS = max(1, min(os.cpu_count() or 1, REQUESTS // 1_000))
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance",
)  # fmt: skip
GROWTH = 24 * 2**20  # bytes; the log's buffers and the allocator's steps, not a request's


def asked(copy: Copy, mode: GenerationMode, count: int) -> Counter[int]:
    """So many requests by all fuzzers; their status codes."""
    if FUZZERS == 1:
        return fuzzed(copy.url, mode, count, 0)
    with ProcessPoolExecutor(FUZZERS, get_context("spawn")) as pool:
        each = [pool.submit(fuzzed, copy.url, mode, count // FUZZERS, n) for n in range(FUZZERS)]
        return sum((found.result() for found in each), Counter[int]())


def fuzzed(url: str, mode: GenerationMode, count: int, number: int) -> Counter[int]:
    """The requests of one fuzzer; its number decides which. Each answer is as described."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    load_all_checks()
    checks = schemathesis.checks.CHECKS.get_by_names(CHECKS)
    codes: Counter[int] = Counter()
    with requests.Session() as session:

        @seed(number)
        @settings(
            max_examples=count, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(schema["/predict"]["POST"].as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            answer = case.call(session=session, timeout=60)
            case.validate_response(answer, checks=checks)
            codes[answer.status_code] += 1

        ask()
    return codes


@pytest.mark.timeout(3600)
def test_no_request_is_an_error_of_the_service_or_stays_in_its_memory(tmp_path: Path) -> None:
    context = project(tmp_path)
    released(context, "0123456789abcdef")
    with running(context, "0123456789abcdef") as copy:
        (process,) = psutil.Process(copy.process.pid).children()
        asked(copy, GenerationMode.POSITIVE, WARM)
        before = process.memory_info().rss
        codes = asked(copy, GenerationMode.NEGATIVE, REQUESTS)
        after = process.memory_info().rss
        with copy.client() as client:
            assert client.get("/readyz").status_code == 200

    assert set(codes) <= {400, 413, 422}, codes
    assert codes.total() >= REQUESTS * 0.9
    assert after - before < GROWTH, (before, after, codes)
