"""The tables. A new column gets a migration in `store`; a column never changes its meaning."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Column, Float, Integer, MetaData, String, Table, UniqueConstraint

FORMAT: Final = 1

METADATA: Final = MetaData()

FORMAT_TABLE: Final = Table(
    "mlops_spec_format", METADATA, Column("version", Integer, primary_key=True)
)

# One row a step that was done. The digest is that of everything the step depends on: the same
# digest is never done twice, and a step that is not here was not done.
STEPS: Final = Table(
    "steps", METADATA,
    Column("id", Integer, primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("step", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("run", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("output", JSON, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float),
    UniqueConstraint("environment", "model", "step", "digest"),
)  # fmt: skip

# What the last finished apply asked for: the flattened spec of each model.
APPLIED: Final = Table(
    "applied", METADATA,
    Column("environment", String(64), primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("serial", Integer, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("at", Float, nullable=False),
)  # fmt: skip

# A lock that is a lease: whoever stops renewing it loses it.
LEASES: Final = Table(
    "leases", METADATA,
    Column("name", String(160), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("purpose", String(255), nullable=False),
    Column("acquired_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)  # fmt: skip

# What is live: one row a release that has a process. The router's files are made from this table.
DEPLOYMENTS: Final = Table(
    "deployments", METADATA,
    Column("environment", String(64), primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("release", String(64), primary_key=True),
    Column("run", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("weight", Float, nullable=False),
    Column("mirror", Integer, nullable=False),
    Column("port", Integer),
    Column("reason", String(2000), nullable=False),
    Column("since", Float, nullable=False),
)  # fmt: skip

# What the monitor saw, window by window.
WINDOWS: Final = Table(
    "windows", METADATA,
    Column("environment", String(64), primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("release", String(64), primary_key=True),
    Column("end", Float, primary_key=True),
    Column("start", Float, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("verdicts", JSON, nullable=False),
    Column("at", Float, nullable=False),
)  # fmt: skip

# One row a retraining that was started, keyed by what started it.
RETRAININGS: Final = Table(
    "retrainings", METADATA,
    Column("environment", String(64), primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("trigger", String(255), primary_key=True),
    Column("flow_run", String(64), nullable=False),
    Column("reason", String(2000), nullable=False),
    Column("at", Float, nullable=False),
)  # fmt: skip
