"""Write what is generated from the models: the JSON Schemas and the reference. `make golden`.

And what is known of scikit-learn's estimators, which is told of the one that is installed.
"""

from __future__ import annotations

from pathlib import Path

from mlops_spec.load.reference import reference_text
from mlops_spec.load.schema_export import SCHEMAS, file_name, schema_text

ROOT = Path(__file__).resolve().parents[2]


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    schemas = {ROOT / "specs" / file_name(kind): schema_text(kind) for kind in SCHEMAS}
    return {**schemas, ROOT / "docs" / "reference" / "language.md": reference_text()}


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
    # Takes a second to import, which who only compares has no use for.
    import estimator_table

    estimator_table.write()
