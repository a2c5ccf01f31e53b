"""What happened and what is live, in SQL: SQLite by default, PostgreSQL for a team."""

from mlops_spec.state.deployments import Deployment, Deployments
from mlops_spec.state.journal import Journal, Step
from mlops_spec.state.lease import Lease, LeaseHeld, Presence
from mlops_spec.state.monitoring import Retraining, Retrainings, Window, Windows
from mlops_spec.state.store import StateUnusable, Store

__all__ = [
    "Deployment",
    "Deployments",
    "Journal",
    "Lease",
    "LeaseHeld",
    "Presence",
    "Retraining",
    "Retrainings",
    "StateUnusable",
    "Step",
    "Store",
    "Window",
    "Windows",
]
