"""The process that talks to Weights & Biases: a run from stdin, the place of it on stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

INIT_WITHIN: Final = 20.0  # seconds
_COLUMNS: Final = (
    "check", "outcome", "estimate", "low", "high", "n", "limit", "n_enough", "method", "reason",
)  # fmt: skip


def show(folder: Path, request: dict[str, Any]) -> str:
    """Show a run; its URL, or the folder of an offline one."""
    import wandb

    offline = request["mode"] == "offline"
    settings = wandb.Settings(
        console="off", disable_code=True, disable_git=True, disable_job_creation=True,
        init_timeout=INIT_WITHIN, silent=True, x_disable_machine_info=True, x_disable_meta=True,
        x_disable_stats=True, x_save_requirements=False,
    )  # fmt: skip
    run = wandb.init(
        project=request["project"], entity=request["entity"] or None, mode=request["mode"],
        id=request["id"], name=request["name"], group=request["group"], tags=request["tags"],
        config=request["config"], dir=str(folder), settings=settings,
        # The same id goes on with the run that is there; offline there is nothing to ask.
        resume=None if offline else "allow",
    )  # fmt: skip
    table: list[Any] = [
        [verdict.get(column) for column in _COLUMNS] for verdict in request["verdicts"]
    ]
    run.log({**request["metrics"], "verdicts": wandb.Table(columns=[*_COLUMNS], data=table)})
    evidence = wandb.Artifact(f"evidence-{request['name']}", type="evidence")
    for path in request["files"]:
        evidence.add_file(path)
    run.log_artifact(evidence)
    run.finish()
    return str(Path(run.dir).parent if offline else run.url)


if __name__ == "__main__":
    print(json.dumps({"place": show(Path(sys.argv[1]), json.load(sys.stdin))}))  # noqa: T201 - the answer
