"""A client that asks all the while, and remembers what it was told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from small_model import ROW
from stories import UsersProject


@dataclass
class Answers:
    """What a client was told: failures and answers by the release that answered."""

    good: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)


@contextmanager
def client(project: UsersProject, row: dict[str, Any] | None = None) -> Iterator[Answers]:
    """Somebody who asks ten times a second all the while."""
    answers, stop = Answers(), threading.Event()

    def ask() -> None:
        url = project.url
        with httpx.Client(timeout=60) as http:
            while not stop.wait(0.1):
                try:
                    said = http.post(url, json={"rows": [row or ROW]})
                except httpx.HTTPError as error:
                    answers.failed[""] += 1
                    answers.words.append(repr(error))
                    continue
                release = said.headers.get("x-mlops-release", "")
                good = said.status_code == 200
                (answers.good if good else answers.failed)[release] += 1
                if not good:
                    answers.words.append(f"{release}: {said.status_code} {said.text[:200]}")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()
