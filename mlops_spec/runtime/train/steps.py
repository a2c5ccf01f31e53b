"""The steps of a train flow, in order; each is done once and recorded in the journal."""

from mlops_spec.runtime.data.split import split
from mlops_spec.runtime.gates.step import gate
from mlops_spec.runtime.train.evaluation import evaluate
from mlops_spec.runtime.train.fit import fit
from mlops_spec.runtime.train.ready import check, snapshot
from mlops_spec.runtime.train.registry import register
from mlops_spec.runtime.train.retries import may_pass
from mlops_spec.runtime.train.wandb_tracker import track

__all__ = ["check", "evaluate", "fit", "gate", "may_pass", "register", "snapshot", "split", "track"]
