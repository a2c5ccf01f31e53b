"""A plan as text: every artifact printed, and a manifest of what was printed."""

from __future__ import annotations

import json

from mlops_spec.model.files import FileSet
from mlops_spec.model.manifest import manifest_path
from mlops_spec.model.plan import Plan
from mlops_spec.render.templates import render_artifact


def render(plan: Plan) -> FileSet:
    """Print every artifact; two equal plans give equal bytes.

    `IllFormed` when a file does not parse, which is our bug.
    """
    texts: dict[str, str] = {}
    for artifact in plan.artifacts:
        for path, text in render_artifact(artifact).items():
            assert path not in texts, f"two artifacts render {path}"
            texts[path] = text
    return _with_manifest(plan.environment, FileSet(texts))


def _with_manifest(environment: str, files: FileSet) -> FileSet:
    """The manifest tells a hand edit from a file that is merely stale."""
    text = json.dumps({"format_version": 1, "files": files.digests()}, indent=2) + "\n"
    return FileSet({**files.texts, manifest_path(environment): text})
