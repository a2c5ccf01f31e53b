"""What is live is told where the data cannot be read; a monitor that saw nothing says why."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlops_spec.cli.views import summary
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.state import Deployment, Deployments, Store, Window
from mlops_spec.terms.verdict import Outcome, Verdict
from mlops_spec.terms.workspace import Workspace


def test_what_is_live_is_told_though_the_source_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.at(Workspace.of(tmp_path, "local").state)
    Deployments(store, "local").save(Deployment("trip", "aaaa", "r1", "1", "production", 1.0))
    asked: list[str] = []

    def unreadable(_: Any, model: Any) -> Any:
        asked.append(model.name)
        raise Refusal("MLS701", "the environment variable TRIPS_URL is not set")

    monkeypatch.setattr(summary, "standing_of", unreadable)
    models = (SimpleNamespace(name="home"), SimpleNamespace(name="trip"))
    site: Any = SimpleNamespace(
        store=store, environment="local", project=SimpleNamespace(models=models)
    )

    (told,) = summary.stories(site, "trip")

    assert told.live is not None
    assert (told.run, told.live.release, asked) == ("r1", "aaaa", ["trip"])


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (
            (Verdict("psi score", Outcome.NO_DATA, n=2, reason="2 values, 500 are needed"),),
            "[yellow]NO_DATA[/] in the window to 1970-01-01 00:15 UTC: 2 values, 500 are needed",
        ),
        (
            (
                Verdict("performance rmse", Outcome.ERROR, reason="no file matches"),
                Verdict("ks score", Outcome.FAIL, 0.4, n=900),
            ),
            "[red]ERROR[/] in the window to 1970-01-01 00:15 UTC: performance rmse "
            "(no file matches), ks score 0.4",
        ),
        (
            (Verdict("ks score", Outcome.PASS, 0.01, n=900),),
            "[green]PASS[/] in the window to 1970-01-01 00:15 UTC",
        ),
    ],
)
def test_the_last_window_says_what_it_found_or_why_it_found_nothing(
    verdicts: tuple[Verdict, ...], said: str
) -> None:
    found = tuple(verdict.to_json() for verdict in verdicts)
    assert summary._window(Window("trip", "aaaa", 0, 900, verdicts[0].outcome, found)) == said
