"""A trained model in its rendered service, as a Bento; and the command that runs one copy of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.declare import Signing, Trust
from mlops_spec.runtime.evidence.envelope import seal
from mlops_spec.runtime.evidence.keys import signing_key
from mlops_spec.runtime.evidence.statement import statement_of
from mlops_spec.runtime.evidence.verify import EVIDENCE_FILE, RELEASE_FILE, prove
from mlops_spec.runtime.machine.places import replace_text
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.runtime.service.app import GRPC_ADDRESS, MODEL_FOLDER
from mlops_spec.runtime.service.bill import write_bill
from mlops_spec.runtime.service.image_context import (
    WHEELS,
    add_image_context,
    form_of,
    readable,
    rendered_digest,
)
from mlops_spec.runtime.service.image_labels import add_labels
from mlops_spec.terms.digest import file_digest
from mlops_spec.terms.workspace import Workspace

BUILD_WITHIN: Final = 300.0  # seconds
DRAIN_SECONDS: Final = 8  # for answers on their way; below the supervisor's patience of 10
_MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and the variables it needs beside the usual ones."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


def package(
    context: Context, run: str, release: str, version: str, signing: Signing | None = None
) -> str:
    """The tag of the release's Bento, `model:release`. Done before, it is not done again.

    Its `src` holds the rendered files as they are in `generated/`, the portable model of the run,
    what an image needs beside them, and what the service asks for before it loads the model:
    `release.json` with the model's digest, and `evidence.json` with the signed verdicts on it.
    `Refusal` MLS612 when the journal holds no verdicts that let this model serve.
    """
    tag = f"{context.model}:{release}"
    home = context.workspace.bentoml_home
    wanted = _release(context, run, release, version)
    evidence = seal(statement_of(context, wanted), signing_key(context.workspace, signing))
    if _packaged(home, tag) == wanted and _says(home, tag, evidence):
        return tag
    shutil.rmtree(_folder(home, tag), ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="mlops-spec-") as place:
        build = Path(place)
        _fill(context, run, wanted, build)
        (build / EVIDENCE_FILE).write_text(evidence)
        add_labels(build / "Dockerfile", wanted, build / EVIDENCE_FILE)
        # Last: a Bento is complete when it says whose it is.
        (build / RELEASE_FILE).write_text(json.dumps(wanted))
        readable(build)
        _build(build, home, release)
    if _packaged(home, tag) != wanted:
        raise Refusal("MLS602", f"the Bento {tag} is not what was packaged", "run it again")
    return tag


def _fill(context: Context, run: str, wanted: dict[str, str], build: Path) -> None:
    """All of a release but its evidence: service, model, and what an image is made of."""
    rendered, model = _service(context).parent, _portable(context, run)
    for name in ("service.py", "bento.py"):
        shutil.copyfile(rendered / name, build / name)
    shutil.copytree(model, build / MODEL_FOLDER)
    packages = add_image_context(rendered, context.root, form_of(model), build)
    (wheel,) = (build / WHEELS).iterdir()
    write_bill(build, wanted, packages, model, wheel)
    (build / "bentofile.yaml").write_text(json.dumps(_bentofile(context.model)))


def endorse(context: Context, source: Path, signing: Signing | None) -> None:
    """Sign the evidence of a Bento that has none, as the journal has it. `Refusal` MLS612.

    With the workspace's key as well: what was packaged before services said whom they believe,
    believes that one.
    """
    said = json.loads((source / RELEASE_FILE).read_text())
    keys = [signing_key(context.workspace, None)]
    if signing is not None:
        keys.append(signing_key(context.workspace, signing))
    replace_text(source / EVIDENCE_FILE, seal(statement_of(context, said, once_passed=True), *keys))
    add_labels(source / "Dockerfile", said, source / EVIDENCE_FILE)


def _release(context: Context, run: str, release: str, version: str) -> dict[str, str]:
    return {
        "model": context.model, "version": version, "release": release, "run": run,
        "digest": file_digest(_portable(context, run) / _MANIFEST),
        "service": file_digest(_service(context)),
        "image": rendered_digest(_service(context).parent),
    }  # fmt: skip


def _portable(context: Context, run: str) -> Path:
    folder = context.workspace.run(run) / "portable"
    if not (folder / _MANIFEST).is_file():
        raise Refusal(
            "MLS602", f"run {run} has no exported model", "train it again, then run spec apply"
        )
    return folder


def _service(context: Context) -> Path:
    generated = Path("generated", context.environment, context.model, "service", "service.py")
    if not (context.root / generated).is_file():
        raise Refusal("MLS602", f"{generated} is missing", "run spec render")
    return context.root / generated


def _bentofile(model: str) -> dict[str, Any]:
    """What BentoML reads; JSON is YAML too. Unlocked, because locking asks a registry."""
    return {
        "service": "bento",
        "name": model,
        "include": ["*"],
        "python": {"packages": ["mlops-spec[serving]"], "lock_packages": False},
    }


def _build(folder: Path, home: Path, release: str) -> None:
    """In a process of its own: BentoML imports the service, and we may have imported others."""
    home.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "bentoml", "build", str(folder), "--version", release]
    environment = {**os.environ, **_quiet(home)}
    try:
        subprocess.run(  # noqa: S603 - our own interpreter and arguments
            argv, env=environment, cwd=folder, check=True, capture_output=True, text=True,
            timeout=BUILD_WITHIN,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        said = tuple((error.stderr or error.stdout or "").strip().splitlines()[-8:])
        raise Refusal("MLS602", "BentoML cannot package the service", "see below", said) from error
    except subprocess.TimeoutExpired as error:
        raise Refusal(
            "MLS602", f"BentoML took more than {BUILD_WITHIN:g} s", "run it again"
        ) from error


def _quiet(home: Path) -> dict[str, str]:
    return {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "1"}


def _packaged(home: Path, tag: str) -> dict[str, str] | None:
    """What a Bento says about itself; None when there is none, or half of one."""
    folder = _folder(home, tag)
    try:
        found: dict[str, str] = json.loads((folder / "src" / RELEASE_FILE).read_text())
    except (OSError, ValueError):
        return None
    return found if (folder / "bento.yaml").is_file() else None


def source_of(workspace: Workspace, bento: str) -> Path:
    """What a Bento holds: the files of the service, which are the context of its image."""
    return _folder(workspace.bentoml_home, bento) / "src"


def evidence_of(workspace: Workspace, bento: str) -> Path:
    """The signed verdicts that a Bento carries."""
    return source_of(workspace, bento) / EVIDENCE_FILE


def _says(home: Path, tag: str, evidence: str) -> bool:
    """Whether a Bento holds exactly this evidence; Ed25519 signs equal words with equal bytes."""
    place = _folder(home, tag) / "src" / EVIDENCE_FILE
    return place.is_file() and place.read_bytes() == evidence.encode()


def _folder(home: Path, tag: str) -> Path:
    name, _, version = tag.partition(":")
    return home / "bentos" / name / version


def serve_command(
    workspace: Workspace, bento: str, port: int, workers: int = 1, grpc: int = 0
) -> Command:
    """How one copy of a Bento runs on 127.0.0.1:`port`. It drains when it is told to end (TERM).

    With `serve.grpc` all workers answer gRPC at port `grpc`; 0 is any, each another.

    Uvicorn runs the app that the Bento holds: `bentoml serve` runs it too, but starts a second
    process around it and passes each request through six layers (docs/adr/0022 has the numbers).
    Workers are ours to fork: they share one model, and the port stays open when one dies.
    """
    home = workspace.bentoml_home
    argv = (
        sys.executable, "-m", "mlops_spec.runtime.service.workers", "service:app",
        "--app-dir", str(_folder(home, bento) / "src"),
        "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers),
        "--timeout-graceful-shutdown", str(DRAIN_SECONDS),
    )  # fmt: skip
    environment = {
        **_quiet(home), "MLOPS_SPEC_WORKSPACE": str(workspace.root),
        GRPC_ADDRESS: f"127.0.0.1:{grpc}",
    }  # fmt: skip
    return Command(argv, environment | _shared_metrics(workspace, bento, port, workers))


def _shared_metrics(workspace: Workspace, bento: str, port: int, workers: int) -> dict[str, str]:
    """Where several workers add up what they count: a folder of this copy, emptied here."""
    if workers == 1:
        return {}
    folder = workspace.root / "metrics" / f"{bento.replace(':', '-')}-{port}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def released(workspace: Workspace, bento: str, trust: Trust | None = None) -> tuple[Path, str]:
    """The portable model in a Bento, and the digest by which it may be loaded.

    `Refusal` MLS612 when its evidence does not hold. Without `trust`, it must be signed with the
    workspace's own key.
    """
    if _packaged(workspace.bentoml_home, bento) is None:
        raise Refusal("MLS602", f"the Bento {bento} is not in this workspace", "run spec apply")
    source = _folder(workspace.bentoml_home, bento) / "src"
    return source / MODEL_FOLDER, prove(source, trust, workspace).release["digest"]
