"""The steps of a train flow, in order; each is done once and recorded in the journal."""

from mlops_spec.runtime.checks import check
from mlops_spec.runtime.evaluation import evaluate
from mlops_spec.runtime.gates import gate
from mlops_spec.runtime.registry import register
from mlops_spec.runtime.retries import may_pass
from mlops_spec.runtime.snapshot import snapshot
from mlops_spec.runtime.split import split
from mlops_spec.runtime.training import fit

__all__ = ["check", "evaluate", "fit", "gate", "may_pass", "register", "snapshot", "split"]
