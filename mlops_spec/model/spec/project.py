"""mlops.yaml: the project and its environments."""

from __future__ import annotations

from typing import Literal

from mlops_spec.model.names import (
    REGISTRY_PATTERN,
    AddressRange,
    GatewayRef,
    HttpAddress,
    ImageRef,
    LabelKey,
    LabelValue,
    Name,
)
from mlops_spec.model.spec.base import Change, SpecModel, field
from mlops_spec.model.units import Bytes


class ServeOn(SpecModel):
    """Where services run, and what routes to them."""

    on: Literal["processes", "kubernetes"] = field(
        Change.SERVE, "processes on this machine, or a cluster"
    )
    router: Literal["envoy", "gateway-api", "argo-rollouts"] = field(
        Change.SERVE, "what splits and mirrors traffic"
    )
    namespace: Name = field(Change.SERVE, "Kubernetes namespace", "default")
    images: str = field(
        Change.SERVE, "registry path that images are pushed under", "", pattern=REGISTRY_PATTERN
    )
    context: str | None = field(
        Change.DOCS, "kubeconfig context of the cluster; by default the current one", None
    )
    gateway: GatewayRef | None = field(
        Change.SCALE, "Gateway of the route: name or namespace/name; by default the project's", None
    )
    callers: tuple[Name, ...] = field(
        Change.SCALE, "namespaces whose pods may ask; by default the gateway's, or the own one", ()
    )
    api_server: tuple[AddressRange, ...] = field(
        Change.SCALE, "addresses from which the API server reaches pods (CIDR)", ()
    )
    volume: Name | None = field(
        Change.SCALE, "PersistentVolumeClaim of the workspace; without it logs end with their pod",
        None,
    )  # fmt: skip
    volume_size: Bytes | None = field(
        Change.SCALE, "size of that claim, which apply makes; without it, it is there already", None
    )


class Monitoring(SpecModel):
    """Who watches services in a cluster."""

    namespace: Name = field(Change.MONITOR, "its pods may read metrics", "monitoring")
    prometheus: HttpAddress | None = field(
        Change.SCALE, "address of Prometheus: requests per second scale services (KEDA)", None
    )
    operator: Literal["none", "prometheus-operator"] = field(
        Change.MONITOR,
        "prometheus-operator: metrics and rules become its objects",
        "none",
    )
    labels: dict[LabelKey, LabelValue] = field(
        Change.MONITOR, "by which the operator's Prometheus picks these objects", {}
    )


class JobResources(SpecModel):
    """What one job asks of its node."""

    cpu: float | int = field(Change.BATCH, "CPUs, without an upper limit", 1, gt=0, le=512)
    memory: Bytes = field(Change.BATCH, "memory, and no more than that", Bytes(4_000_000_000))


class FlowImage(SpecModel):
    """What runs the batch and monitor flows as CronJobs."""

    image: ImageRef = field(
        Change.BATCH, "with mlops-spec[training] installed and `generated/` in its working folder"
    )
    secret: Name | None = field(
        Change.BATCH, "Secret whose keys are environment variables of the flows", None
    )
    resources: JobResources = field(
        Change.BATCH, "what each of their jobs asks of a cluster", JobResources()
    )


class SparkCluster(SpecModel):
    """Where batch predictions run that are too many for one machine."""

    image: ImageRef = field(
        Change.BATCH,
        "Spark with mlops-spec[serving] installed and `generated/` in /opt/spark/work-dir",
    )
    version: str = field(Change.BATCH, "of Spark in the image", "4.0.0", pattern=r"^\d+\.\d+\.\d+$")
    root: str = field(
        Change.BATCH,
        "URI below which the paths of Datasets and outputs lie, such as s3a://lake/trips",
        "",
        pattern=r"^([a-z][a-z0-9+.-]*://\S*)?$",
    )
    executors: int = field(Change.BATCH, "how many", 2, ge=1, le=10_000)
    cores: int = field(Change.BATCH, "of each executor and of the driver", 1, ge=1, le=256)
    memory: Bytes = field(
        Change.BATCH, "heap of each executor and of the driver", Bytes(2_000_000_000)
    )
    service_account: Name = field(Change.BATCH, "ServiceAccount that may start executors", "spark")
    secret: Name | None = field(
        Change.BATCH, "Secret whose keys are environment variables of the driver", None
    )
    settings: dict[str, str] = field(Change.BATCH, "of Spark, such as those of a file system", {})


class Approval(SpecModel):
    """A person decides before a release takes traffic; on what is said beforehand."""

    criteria: tuple[str, ...] = field(
        Change.DOCS, "what the person confirms, a sentence each", min_length=1
    )
    by: tuple[str, ...] = field(Change.DOCS, "who may approve; empty: anyone", ())


class Signing(SpecModel):
    """Whose evidence a service believes. The private key is never written here."""

    public_key: str = field(
        Change.SERVE,
        "Ed25519 public key, 32 bytes in base64; `spec keys` makes a pair",
        pattern=r"^[A-Za-z0-9+/]{43}=$",
    )
    key_env: str = field(
        Change.DOCS,
        "name of the environment variable with the private key, where apply runs",
        "MLOPS_SPEC_SIGNING_KEY",
        pattern=r"^[A-Z_][A-Z0-9_]*$",
    )


class WandbTracker(SpecModel):
    """Weights & Biases, beside MLflow. The API key comes from WANDB_API_KEY."""

    project: str = field(Change.DOCS, "the project", pattern=r"^[\w.-]+$")
    entity: str = field(Change.DOCS, "the user or team", "", pattern=r"^[\w.-]*$")
    mode: Literal["online", "offline"] = field(
        Change.DOCS, "offline: files in the workspace, for `wandb sync`", "online"
    )


class Tracking(SpecModel):
    """Where runs are shown besides MLflow."""

    wandb: WandbTracker | None = field(Change.DOCS, "Weights & Biases", None)


class EnvironmentSpec(SpecModel):
    """One place where models live."""

    serve: ServeOn = field(Change.SERVE, "where services run")
    registry: str = field(
        Change.DOCS,
        "sqlite: MLflow on a file here; otherwise the URL of an MLflow server",
        "sqlite",
        pattern=r"^(sqlite|https?://\S+)$",
    )
    orchestrator: str = field(
        Change.DOCS,
        "prefect: a server here, started when needed; otherwise the URL of a Prefect API",
        "prefect",
        pattern=r"^(prefect|https?://\S+)$",
    )
    state_env: str | None = field(
        Change.DOCS,
        "environment variable with the SQLAlchemy URL of the state; by default a file here",
        None,
        pattern=r"^[A-Z_][A-Z0-9_]*$",
    )
    monitoring: Monitoring | None = field(Change.MONITOR, "who watches services in a cluster", None)
    flows: FlowImage | None = field(Change.BATCH, "what runs flows in a cluster", None)
    spark: SparkCluster | None = field(
        Change.BATCH, "where batch predictions run that are `on: spark`", None
    )
    tracking: Tracking = field(Change.DOCS, "where runs are shown besides MLflow", Tracking())
    approval: Approval | None = field(
        Change.ROLLOUT, "a person decides before a release takes traffic", None
    )
    signing: Signing | None = field(
        Change.SERVE,
        "whose evidence services believe; by default a key that is made in the workspace",
        None,
    )
    traffic: Literal["users", "replay"] = field(
        Change.ROLLOUT, "replay: held-out rows are sent as requests while a rollout waits", "users"
    )


class ProjectSpec(SpecModel):
    """The root of a repository of specs."""

    project: Name = field(Change.DOCS, "the name of the project; owns what apply creates")
    language: Literal[1] = field(Change.DOCS, "version of the language", 1)
    environments: dict[Name, EnvironmentSpec] = field(
        Change.DOCS, "by name, such as local: {serve: {on: processes, router: envoy}}", min_length=1
    )
