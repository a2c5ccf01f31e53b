"""Labels of an image that are known when a release is packaged; others were rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlops_spec.runtime.evidence.envelope import unseal
from mlops_spec.terms.digest import file_digest

_MARK: Final = "# What is known since it was packaged:\n"


def add_labels(dockerfile: Path, release: Mapping[str, str], evidence: Path) -> None:
    """End a Dockerfile with whose image it is. Done again, it replaces what it wrote."""
    if not dockerfile.is_file():
        return
    code = json.loads(unseal(evidence.read_bytes(), None).body)["predicate"]["code"] or {}
    revision = code.get("code_revision", "unknown")
    labels = {
        "org.opencontainers.image.version": release["release"],
        "org.opencontainers.image.revision": "" if revision == "unknown" else revision,
        "mlops-spec.release": release["release"],
        "mlops-spec.run": release["run"],
        "mlops-spec.version": release["version"],
        "mlops-spec.model-digest": f"sha256:{release['digest']}",
        "mlops-spec.evidence-digest": f"sha256:{file_digest(evidence)}",
    }
    rendered = dockerfile.read_text(encoding="utf-8").partition(_MARK)[0]
    words = (f"{name}={_word(value)}" for name, value in labels.items() if value)
    label = "LABEL " + " \\\n      ".join(words) + "\n"
    dockerfile.write_text(rendered + _MARK + label, encoding="utf-8")


def _word(value: str) -> str:
    """One word of an instruction; `\\` and `$` have a meaning of their own in quotes."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", " ".join(value.split())) + '"'
