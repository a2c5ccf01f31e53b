"""The example, whose production Argo rolls out, as it is rendered."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from language import REPOSITORY

from mlops_spec.model.files import FileSet
from mlops_spec.model.project import Project
from mlops_spec.pipeline import cluster_objects, compile_project, render_project
from mlops_spec.runtime.cluster.objects import Object


def write_flights(place: Path) -> Path:
    """The example, whose production Argo rolls out."""
    flights = REPOSITORY / "examples" / "flights"
    shutil.copytree(flights / "specs", place / "specs")
    settings = (flights / "mlops.yaml").read_text(encoding="utf-8")
    settings = settings.replace("router: gateway-api", "router: argo-rollouts")
    (place / "mlops.yaml").write_text(settings, encoding="utf-8")
    spec = place / "specs" / "flight-delay.yaml"
    text = re.sub(r"\nshadow: .*", "\nshadow: null", spec.read_text(encoding="utf-8"))
    text = re.sub(r"steps: \[[^]]*\]", "steps: [50%, 100%]", text)
    text = re.sub(r"score_shift: \{[^}]*\}", "score_shift: null", text)
    spec.write_text(text, encoding="utf-8")
    return place


@cache
def compiled() -> tuple[Project, FileSet, dict[str, tuple[Object, ...]]]:
    """Project, files, and objects by model."""
    with TemporaryDirectory() as place:
        project, _ = compile_project(write_flights(Path(place)), {})
        files = render_project(project, "production")
        return project, files, dict(cluster_objects(project, "production"))


def rendered() -> list[Object]:
    return [found for objects in compiled()[2].values() for found in objects]
