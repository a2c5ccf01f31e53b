"""A fitted pipeline as files that a service loads without a trainer, with a proof that they agree.

`export` writes the folder and needs scikit-learn; `load` reads it and, for the ONNX kind, needs
numpy and ONNX Runtime only. docs/adr/0025 says why the encoding of columns is a table.
"""

from mlops_spec.runtime.portable.export import PortableReport, export
from mlops_spec.runtime.portable.scorer import Scorer, Scores, load

__all__ = ["PortableReport", "Scorer", "Scores", "export", "load"]
