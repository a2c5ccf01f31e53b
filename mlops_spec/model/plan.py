"""What is to be produced: one frozen artifact a rendered file, and the values its template prints.

Everything a template shows is computed in `lower` and stands here, finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from mlops_spec.terms.tasks import answers_a_number


@dataclass(frozen=True, slots=True)
class Call:
    """A Python call to print as a literal: `Dataset(name="flights", …)`. Arguments may be calls.

    An argument whose name is empty is positional.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an artifact comes from: for its header, its path and the flows' environment."""

    spec: str  # path of the spec file, relative to the project root
    project: str
    environment: str
    model: str  # empty for what belongs to the whole environment
    facets: Mapping[str, str]  # change class -> digest
    workspace: str  # ".spec/<environment>"
    registry: str  # "sqlite" or the URL of an MLflow server
    state_env: str | None = None  # environment variable with the SQLAlchemy URL of the state

    @property
    def folder(self) -> str:
        """Where the files of the model or environment lie, relative to the project root."""
        of_environment = f"generated/{self.environment}"
        return f"{of_environment}/{self.model}" if self.model else of_environment


class _Calling:
    """An artifact that prints calls."""

    __slots__ = ()

    @property
    def called(self) -> tuple[str, ...]:
        """The names of everything that is called, in order: what the file has to import."""
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
        return tuple(sorted({name for value in values for name in _called(value)}))


def _called(value: Any) -> Iterator[str]:
    match value:
        case Call():
            yield value.name
            yield from _called(tuple(item for _, item in value.arguments))
        case tuple():
            for item in value:
                yield from _called(item)


@dataclass(frozen=True, slots=True)
class TrainFlow(_Calling):
    """flows/train.py: snapshot → check → split → fit → evaluate → gate → register."""

    origin: Origin
    dataset: Call
    recipe: Call
    gates: Call
    wandb: Call | None = None  # a second tracker
    criteria: tuple[str, ...] = ()  # what a person confirms before a release takes traffic


@dataclass(frozen=True, slots=True)
class RolloutFlow(_Calling):
    """flows/rollout.py: package → deploy → shadow → canary … → promote."""

    origin: Origin
    dataset: Call
    recipe: Call
    service: Call
    shadow: Call | None
    canary: tuple[Call, ...]
    limits: Call
    signing: Call | None  # None: with the workspace's own key
    replay: bool  # send held-out rows as requests while waiting
    cluster: Call | None = None  # where it serves; None: processes on this machine
    criteria: tuple[str, ...] = ()  # what a person confirms before it takes traffic
    argo: bool = False  # whether Argo's controller takes the steps of `canary`


@dataclass(frozen=True, slots=True)
class MonitorFlow(_Calling):
    """flows/monitor.py: read the prediction log → compare → performance → report → retrain."""

    origin: Origin
    dataset: Call
    recipe: Call
    drift: Call
    retrain: Call


@dataclass(frozen=True, slots=True)
class BatchFlow(_Calling):
    """flows/batch.py: predict every row of a Dataset, chunk by chunk."""

    origin: Origin
    dataset: Call
    output: Call  # `Folder(…)` or `Table(…)`
    trust: Call  # whose signature on a release's evidence is believed


@dataclass(frozen=True, slots=True)
class SparkJob(_Calling):
    """spark/batch.py: the same predictions, by a cluster."""

    origin: Origin
    rows: str  # the name of the Dataset
    root: str
    csv: bool
    dataset: Call
    output: Call  # `Folder(…)` or `Table(…)`
    trust: Call


@dataclass(frozen=True, slots=True)
class Schedule:
    """A flow of the model and when it runs by itself (cron, UTC), if ever."""

    flow: str
    cron: str | None
    call: Call | None = None  # the same as Prefect takes it


@dataclass(frozen=True, slots=True)
class FlowServer:
    """flows/serve.py: keeps the model's flows deployed and runs them when asked or due."""

    origin: Origin
    schedules: tuple[Schedule, ...]


@dataclass(frozen=True, slots=True)
class RequestField:
    """One field of a request: its Python name, the column it feeds, its Python type, its bounds."""

    name: str
    column: str
    type: str  # "float", "int", "bool", "str" or "datetime"
    nullable: bool
    min: float | int | None
    max: float | int | None
    values: tuple[str, ...]
    description: str
    example: Any

    @property
    def alias(self) -> str | None:
        """The column's name, where it is not the field's."""
        return None if self.name == self.column else self.column

    @property
    def choices(self) -> list[str]:
        """The values as the items of a `Literal`."""
        return list(self.values)

    @property
    def annotation(self) -> str:
        """The type as the service writes it: a whole number is one that a model can hold."""
        unbounded = self.min is None and self.max is None
        if self.type == "int" and unbounded:
            return "Integer"
        return "Time" if self.type == "datetime" else self.type


@dataclass(frozen=True, slots=True)
class ServiceApp:
    """service/service.py with its typed request and response, and service/bento.py around it."""

    origin: Origin
    class_name: str
    task: str
    fields: tuple[RequestField, ...]
    key: str
    time: str | None
    workers: int
    max_rows: int
    timeout: float
    trust: Call  # whose signature on the release's evidence is believed
    grpc: bool = False

    @property
    def has_choices(self) -> bool:
        return any(field.values for field in self.fields)

    @property
    def has_integers(self) -> bool:
        return any(field.annotation == "Integer" for field in self.fields)

    @property
    def has_times(self) -> bool:
        return self.time is not None or any(field.type == "datetime" for field in self.fields)

    @property
    def says_numbers(self) -> bool:
        """Whether an answer is a number, and not a class."""
        return answers_a_number(self.task)

    @property
    def probabilities(self) -> bool:
        """Whether an answer gives the probability of every class."""
        return self.task == "multiclass"


@dataclass(frozen=True, slots=True)
class Facet:
    """A class of change, and the digest of what a spec says in it."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class GrpcPackages:
    """service/requirements-grpc.txt: what an image needs for a service that answers gRPC."""

    origin: Origin


@dataclass(frozen=True, slots=True)
class Image:
    """service/Dockerfile and what stands beside it."""

    origin: Origin
    python: str
    port: int
    workers: int
    drain: int = 8  # seconds that a server which ends waits for what it is answering
    grpc: int | None = None  # the port at which it answers gRPC too

    @property
    def several(self) -> bool:
        """Whether workers must add up what they count."""
        return self.workers > 1

    @property
    def facets(self) -> tuple[Facet, ...]:
        """What the image's content depends on; a changed gate must not make another image."""
        own = ("data", "train", "serve")
        return tuple(Facet(name, self.origin.facets[name]) for name in own)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A YAML file of plain data: Kubernetes objects, Prometheus rules. Dumped, not templated."""

    origin: Origin
    path: str  # relative to the origin's folder
    documents: tuple[Mapping[str, Any], ...]


Artifact = (
    TrainFlow
    | RolloutFlow
    | MonitorFlow
    | BatchFlow
    | SparkJob
    | FlowServer
    | ServiceApp
    | GrpcPackages
    | Image
    | Manifest
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the project asks for in one environment."""

    environment: str
    artifacts: tuple[Artifact, ...]
