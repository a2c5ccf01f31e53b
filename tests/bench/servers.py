"""The services that are compared, each written as its own documentation would have it."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from measure import ENVIRONMENT
from models import Trained, pickle, render, spec_of, write_project
from proving import judge

from mlops_spec.runtime.context import Context
from mlops_spec.runtime.machine.ports import _free_port
from mlops_spec.runtime.service.packaging import package, serve_command
from mlops_spec.terms.digest import file_digest
from mlops_spec.terms.workspace import Workspace

READY_WITHIN = 60.0

BARE_NAME = "bare ASGI"
ALONE_NAME = "bare ASGI, uvicorn alone"
FASTAPI = """
import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load("model.joblib")
app = FastAPI()


class Row(BaseModel):
{fields}

@app.post("/predict")
def predict(row: Row):
    frame = pd.DataFrame([row.model_dump()])
    return {{"score": float(model.predict_proba(frame)[0, 1])}}
"""

BENTOML = """
import bentoml
import joblib
import pandas as pd


@bentoml.service(workers=1)
class Predictor:
    def __init__(self) -> None:
        self.model = joblib.load("model.joblib")

    @bentoml.api
    def predict(self, row: dict) -> dict:
        frame = pd.DataFrame([row])
        return {"score": float(self.model.predict_proba(frame)[0, 1])}
"""

BARE = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    start = {"type": "http.response.start", "status": 200,
             "headers": [(b"content-type", b"application/json"), (b"content-length", b"13")]}
    await send(start)
    await send({"type": "http.response.body", "body": b'{"score":0.5}'})
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A service as it is started, and how a row is asked about."""

    name: str
    arguments: tuple[str, ...]  # with {port}
    folder: Path
    body: Callable[[Mapping[str, object]], object]
    variables: Mapping[str, str] = field(default_factory=dict)
    path: str = "/predict"
    many: bool = False  # whether a body can hold more than one row, as `{"rows": [...]}`


@dataclass(frozen=True, slots=True)
class Running:
    """A service that has answered once. `cold`: seconds from its start to that answer."""

    url: str
    process: subprocess.Popen[bytes]
    cold: float

    def memory(self) -> float:
        """Megabytes of all its processes; what they share is shared out (PSS)."""
        main = psutil.Process(self.process.pid)
        family = [main, *main.children(recursive=True)]
        return float(sum(one.memory_full_info().pss for one in family) / 2**20)


def bare(place: Path, workers: int = 1) -> Server:
    """ASGI on uvicorn that reads the body and answers: what any Python service could reach."""
    folder = _folder(place, f"bare-{workers}", {"main.py": BARE})
    fast = ("--loop", "uvloop", "--http", "httptools")
    return Server(named(BARE_NAME, workers), (*_uvicorn("main:app", workers), *fast), folder, dict)


def bare_alone(place: Path) -> Server:
    """The same on what uvicorn brings by itself, as most services run."""
    folder = _folder(place, "bare-alone", {"main.py": BARE})
    plain = ("--loop", "asyncio", "--http", "h11")
    return Server(ALONE_NAME, (*_uvicorn("main:app"), *plain), folder, dict)


def named(name: str, workers: int) -> str:
    return f"{name}, {workers} worker{'s' if workers > 1 else ''}"


def fastapi(place: Path, trained: Trained) -> Server:
    """The snippet that most tutorials have: pydantic in, a DataFrame of one row, scikit-learn."""
    kinds = {"category": "str", "float": "float | None = None", "integer": "int"}
    types = {column.name: kinds[column.type] for column in trained.dataset.columns[2:]}
    fields = "".join(f"    {name}: {kind}\n" for name, kind in types.items())
    folder = _folder(place, f"fastapi-{trained.name}", {"main.py": FASTAPI.format(fields=fields)})
    pickle(trained, folder / "model.joblib")
    return Server("FastAPI snippet", _uvicorn("main:app"), folder, dict)


def bentoml(place: Path, trained: Trained) -> Server:
    """BentoML's plain `@bentoml.api`, started by `bentoml serve`."""
    folder = _folder(place, f"bentoml-{trained.name}", {"service.py": BENTOML})
    pickle(trained, folder / "model.joblib")
    serve = (sys.executable, "-m", "bentoml", "serve", "service:Predictor", "--port", "{port}")
    home = {"BENTOML_HOME": str(place / "bentoml-home")}
    return Server(
        "BentoML @api", (*serve, "--host", "127.0.0.1"), folder,
        lambda row: {"row": dict(row)}, home,
    )  # fmt: skip


def mlflow(place: Path, trained: Trained) -> Server:
    """`mlflow models serve`, answering probabilities."""
    from mlflow import sklearn

    folder = _folder(place, f"mlflow-{trained.name}", {})
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # that a pickle is a pickle
    sklearn.save_model(
        trained.pipeline, folder / "model", pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
    )  # fmt: skip
    serve = (sys.executable, "-m", "mlflow", "models", "serve", "-m", "model", "-p", "{port}")
    return Server(
        "MLflow serve", (*serve, "--host", "127.0.0.1", "--env-manager", "local"), folder,
        lambda row: {"dataframe_records": [dict(row)]},
        # It starts `uvicorn` by its name.
        {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}, "/invocations",
    )  # fmt: skip


def ours(place: Path, trained: Trained, workers: Sequence[int]) -> tuple[Server, ...]:
    """What `spec apply` starts: a release as a Bento, requests checked, predictions logged."""
    root = place / f"spec-{trained.name}"
    write_project(root, {trained.name: spec_of(trained)})
    render(root)
    workspace = Workspace.of(root, "local")
    portable = workspace.run("bench") / "portable"
    trained.export_to(portable)
    os.environ["MLOPS_SPEC_WORKSPACE"] = str(workspace.root)
    context = Context.open(model=trained.name, workspace=".spec/local", facets={})
    judge(context, "bench", file_digest(portable / "manifest.json"))
    tag = package(context, "bench", "release", "1")
    return tuple(_copies(workspace, tag, root, each) for each in workers)


def _copies(workspace: Workspace, tag: str, root: Path, workers: int) -> Server:
    command = serve_command(workspace, tag, 0, workers)
    # The port is in the middle of the command; it is chosen when the service is started.
    arguments = tuple("{port}" if word == "0" else word for word in command.argv)
    return Server(
        named("ours", workers), arguments, root,
        lambda row: {"rows": [dict(row)]},
        {**command.environment, "MLOPS_SPEC_WORKSPACE": str(workspace.root)}, many=True,
    )  # fmt: skip


@contextmanager
def started(server: Server, body: bytes) -> Iterator[Running]:
    """The service while it runs; every process of it is ended at the end."""
    port = _free_port(set())
    arguments = [word.replace("{port}", str(port)) for word in server.arguments]
    begun = time.perf_counter()
    with (server.folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            arguments, cwd=server.folder, env={**ENVIRONMENT, **server.variables},
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}{server.path}"
    try:
        _wait(server, process, url, body, begun)
        yield Running(url, process, time.perf_counter() - begun)
    finally:
        _stop(process)


def _wait(
    server: Server, process: subprocess.Popen[bytes], url: str, body: bytes, begun: float
) -> None:
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
                return
        except (urllib.error.URLError, OSError) as error:
            if isinstance(error, urllib.error.HTTPError):
                raise SystemExit(f"{server.name} answers {error.code}: {error.read()!r}") from error
        if process.poll() is not None or time.perf_counter() - begun > READY_WITHIN:
            log = (server.folder / "log.txt").read_text(errors="replace")
            raise SystemExit(f"{server.name} does not answer:\n{log[-2000:]}")
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the session that `started` made, and nothing else."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _uvicorn(app: str, workers: int = 1) -> tuple[str, ...]:
    return (
        sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}",
        "--no-access-log", "--workers", str(workers),
    )  # fmt: skip


def _folder(place: Path, name: str, files: Mapping[str, str]) -> Path:
    folder = place / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder
