"""The stages in order: the only module that knows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mlops_spec.diagnostics import Diagnostics, catalogue
from mlops_spec.diagnostics.catalogue import Code
from mlops_spec.link.index import find_twins
from mlops_spec.link.link import NO_FACTS, link
from mlops_spec.load.discover import find_root
from mlops_spec.load.facts import read_facts
from mlops_spec.load.installed import installed
from mlops_spec.load.load import Documents, load, load_project
from mlops_spec.model.facts import Facts
from mlops_spec.model.files import FileSet
from mlops_spec.model.project import Project
from mlops_spec.model.spec.project import ProjectSpec


def project_root(root: Path | None) -> Path:
    """The folder that holds mlops.yaml: `root`, or the nearest one at or above the working folder.

    Raises `SpecRejected` when there is none.
    """
    found = Diagnostics()
    folder = find_root(root, found) if root else find_root(Path.cwd(), found)
    found.stop_if_errors()
    assert folder is not None
    return folder


def read_project(root: Path) -> ProjectSpec:
    """mlops.yaml alone, so that a broken spec keeps nobody from looking or stopping."""
    found = Diagnostics()
    document = load_project(root, found)
    found.stop_if_errors()
    assert document is not None
    return document.spec


def recorded_facts(root: Path | None, environment: str | None = None) -> Mapping[str, Facts]:
    """What runs on this machine left behind of their data, by model: for `compile_project`.

    Of one environment, or of all. Raises `SpecRejected` where there is no project.
    """
    return read_facts(project_root(root), environment)


def compile_project(
    root: Path | None, facts: Mapping[str, Facts] = NO_FACTS
) -> tuple[Project, Diagnostics]:
    """Load and link; what comes beside the project are warnings. Raises `SpecRejected`.

    `facts` changes warnings alone: the project is what the specs say, on every machine.
    Which scikit-learn is installed decides alone whether a mistake with it is an error (MLS339).
    """
    found = Diagnostics()
    documents = load(project_root(root), found)
    if found.errors:
        _look_between(documents, found)
    found.stop_if_errors()
    assert documents.project is not None
    project = link(
        documents.project, documents.specs, documents.shipped, found, facts, installed=installed
    )
    found.stop_if_errors()
    return project, found


# What is wrong between documents whatever the mistakes within them turn out to be, with the kinds
# of documents that must be whole for it to be certain.
_CERTAIN: Final[Mapping[Code, tuple[str, ...]]] = {
    catalogue.UNKNOWN_REFERENCE: (),
    catalogue.UNKNOWN_COLUMN: ("Dataset",),
    catalogue.LABEL_IS_FEATURE: (),
    catalogue.WRONG_COLUMN_TYPE: ("Dataset",),
    catalogue.METRIC_NOT_FOR_TASK: (),
    catalogue.AMBIGUOUS_MARGIN: (),
    catalogue.PATH_OUTSIDE: (),
    catalogue.CANARY_STEPS: ("Rollout",),
    catalogue.BAD_CRON: (),
    catalogue.DUPLICATE_ENTRY: (),
    catalogue.ESTIMATOR_MISFIT: (),
    catalogue.PARAMETER_REFUSED: (),
}


def _look_between(documents: Documents, found: Diagnostics) -> None:
    """Tell what is wrong between documents, too, so that one run tells all mistakes."""
    find_twins(documents.headings, found)
    if documents.project is None or documents.lost:
        return
    between = Diagnostics()
    link(documents.project, documents.specs, documents.shipped, between, installed=installed)
    in_part = {document.spec.kind for document in documents.specs if not document.whole}
    for each in between.errors:
        if each.code in _CERTAIN and in_part.isdisjoint(_CERTAIN[each.code]):
            found.add(each.code, each.message, at=each.span, help=each.help, related=each.related)


def cluster_objects(project: Project, environment: str) -> Mapping[str, tuple[dict[str, Any], ...]]:
    """The Kubernetes objects of one environment as plain data, by model; "": what all share."""
    from mlops_spec.lower import lower  # noqa: PLC0415
    from mlops_spec.model.plan import Manifest  # noqa: PLC0415

    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for artifact in lower(project, environment).artifacts:
        match artifact:
            case Manifest(origin, path, documents) if _is_applied(origin.model, path):
                plain = json.loads(json.dumps(documents))
                found[origin.model] = (*found.get(origin.model, ()), *plain)
    return found


def _is_applied(model: str, path: str) -> bool:
    """What lies beside the models, and in their folder of objects; not the rules of Prometheus."""
    return not model or path.startswith("kubernetes/")


def render_project(project: Project, environment: str) -> FileSet:
    """Lower and render one environment. Raises `IllFormed` on a bug of ours (MLS501)."""
    from mlops_spec.lower import lower  # noqa: PLC0415 - only who renders pays for Jinja
    from mlops_spec.render import render  # noqa: PLC0415

    return render(lower(project, environment))
