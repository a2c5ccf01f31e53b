"""Which template prints which artifact, and the artifact as text."""

from __future__ import annotations

from typing import Final

from jinja2 import TemplateError

from mlops_spec.model.plan import (
    Artifact,
    BatchFlow,
    FlowServer,
    GrpcPackages,
    Image,
    Manifest,
    MonitorFlow,
    Origin,
    RolloutFlow,
    ServiceApp,
    SparkJob,
    TrainFlow,
)
from mlops_spec.render.dump import dump_documents
from mlops_spec.render.environment import UnquotedValue, environment
from mlops_spec.render.layout import lay_out
from mlops_spec.render.quoting import comment
from mlops_spec.render.wellformed import IllFormed, check_well_formed

# Path below generated/<environment>/<model>/ -> template, by kind of artifact.
TEMPLATES: Final[dict[type, dict[str, str]]] = {
    TrainFlow: {"flows/train.py": "prefect/train.py.j2"},
    RolloutFlow: {"flows/rollout.py": "prefect/rollout.py.j2"},
    MonitorFlow: {"flows/monitor.py": "prefect/monitor.py.j2"},
    BatchFlow: {"flows/batch.py": "prefect/batch.py.j2"},
    SparkJob: {"spark/batch.py": "spark/batch.py.j2"},
    FlowServer: {"flows/serve.py": "prefect/serve.py.j2"},
    ServiceApp: {
        "service/service.py": "bentoml/service.py.j2",
        "service/bento.py": "bentoml/bento.py.j2",
    },
    GrpcPackages: {"service/requirements-grpc.txt": "docker/requirements-grpc.txt.j2"},
    Image: {
        "service/Dockerfile": "docker/Dockerfile.j2",
        "service/.dockerignore": "docker/dockerignore.j2",
        "service/requirements.txt": "docker/requirements.txt.j2",
        "service/requirements-sklearn.txt": "docker/requirements-sklearn.txt.j2",
    },
}


def render_artifact(artifact: Artifact) -> dict[str, str]:
    """The files of one artifact: text by path, relative to the project root.

    `IllFormed` when a file does not parse, which is our bug and never the user's.
    """
    return {
        path: _checked(path, header(artifact.origin) + body)
        for path, body in _bodies(artifact).items()
    }


def header(origin: Origin) -> str:
    """The first line of every generated file."""
    source = comment(origin.spec)
    return f"# Generated from {source}. Do not edit: change the spec, then run `spec render`.\n"


def _bodies(artifact: Artifact) -> dict[str, str]:
    folder = artifact.origin.folder
    if isinstance(artifact, Manifest):
        return {f"{folder}/{artifact.path}": dump_documents(artifact.documents)}
    return {
        f"{folder}/{path}": _fill(template, artifact)
        for path, template in TEMPLATES[type(artifact)].items()
    }


def _fill(template: str, artifact: Artifact) -> str:
    try:
        text = environment().get_template(template).render(artifact=artifact)
    except (TemplateError, UnquotedValue, ValueError) as error:
        raise IllFormed(template, f"{type(error).__name__}: {error}") from error
    return lay_out(text)


def _checked(path: str, text: str) -> str:
    check_well_formed(path, text)
    return text
