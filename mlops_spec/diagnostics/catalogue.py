"""Every code once. A code never changes its meaning and is never used again for another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Code:
    """`id` is MLSnnn: 1 load, 2 schema, 3 link, 4 lower, 5 render, 6 apply, 7 observe, runtime."""

    id: str
    title: str
    severity: Severity = Severity.ERROR


def _error(id: str, title: str) -> Code:
    return Code(id, title)


def _warning(id: str, title: str) -> Code:
    return Code(id, title, Severity.WARNING)


# 1xx: the text and its YAML
UNREADABLE_FILE: Final = _error("MLS101", "the file cannot be read")
NOT_TEXT: Final = _error("MLS102", "the file is not UTF-8 text")
TOO_LARGE: Final = _error("MLS103", "the file is larger than a spec can be")
EMPTY_FILE: Final = _error("MLS104", "the file holds no document")
YAML_SYNTAX: Final = _error("MLS105", "the YAML does not parse")
DUPLICATE_KEY: Final = _error("MLS106", "a key stands twice in one mapping")
ALIAS_REFUSED: Final = _error("MLS107", "anchors and aliases are not part of the language")
TAG_REFUSED: Final = _error("MLS108", "YAML tags are not part of the language")
KEY_NOT_TEXT: Final = _error("MLS109", "a key is not plain text")
NO_PROJECT_FILE: Final = _error("MLS110", "no mlops.yaml was found")
NO_SPECS: Final = _error("MLS111", "no spec was found")
TOO_DEEP: Final = _error("MLS112", "the document is nested too deeply")
TOO_MANY_DOCUMENTS: Final = _error("MLS113", "mlops.yaml holds more than one document")

# 2xx: one document against the schema of its kind
NOT_A_MAPPING: Final = _error("MLS201", "a document is not a mapping")
UNKNOWN_KIND: Final = _error("MLS202", "the kind is missing or not known")
UNKNOWN_KEY: Final = _error("MLS203", "a key is not known here")
WRONG_VALUE: Final = _error("MLS204", "a value is not what the field takes")
MISSING_KEY: Final = _error("MLS205", "a required key is missing")

# 3xx: facts about several documents
DUPLICATE_NAME: Final = _error("MLS301", "two documents of one kind share a name")
UNKNOWN_REFERENCE: Final = _error("MLS302", "a reference names nothing that exists")
UNKNOWN_COLUMN: Final = _error("MLS303", "a column is not declared in the Dataset")
LABEL_IS_FEATURE: Final = _error("MLS304", "the label or the key is used as a feature")
WRONG_COLUMN_TYPE: Final = _error("MLS305", "a column's type does not fit its use")
METRIC_NOT_FOR_TASK: Final = _error("MLS306", "a metric does not exist for the model's task")
AMBIGUOUS_MARGIN: Final = _error("MLS307", "a margin could be relative or absolute")
NO_GATE: Final = _error("MLS308", "a model has no gate that can refuse it")
UNREACHABLE_ROLLOUT: Final = _error("MLS309", "the environment cannot honour the rollout")
POWERLESS_LIMIT: Final = _warning("MLS310", "too few observations to decide a limit")
UNUSED_POLICY: Final = _warning("MLS311", "no model uses this policy")
SPLIT_NEEDS_TIME: Final = _error("MLS312", "a split by time needs a time column")
LIMITS_CROSS: Final = _error("MLS313", "a lower limit lies above the upper one")
EMPTY_LIMIT: Final = _error("MLS314", "a limit has neither min nor max")
MARGIN_MISFIT: Final = _error("MLS315", "a comparison's margin does not fit its hypothesis")
SOURCE_CHOICE: Final = _error("MLS316", "a source is not exactly one of parquet, csv and sql")
PATH_OUTSIDE: Final = _error("MLS317", "a path leads out of the project")
BATCH_INPUT_MISFIT: Final = _error("MLS318", "a batch input lacks what the model needs")
NAMES_COLLIDE: Final = _error("MLS319", "two features become one name in a request")
CANARY_STEPS: Final = _error("MLS320", "canary steps do not grow to 100%")
NOTHING_LEFT: Final = _error("MLS321", "a split leaves a part without rows")
BAD_CRON: Final = _error("MLS322", "a schedule is not cron")
COLUMN_LIMIT_MISFIT: Final = _error("MLS323", "a column's limit does not fit its type")
DUPLICATE_ENTRY: Final = _error("MLS324", "a list names one thing twice")
OWN_METRIC_MISFIT: Final = _error("MLS325", "`of` and `better` do not fit the metric")
RANKING_MISFIT: Final = _error("MLS326", "a ranking and its `group` do not fit")
GROUPS_MISFIT: Final = _error("MLS327", "a column does not make groups of rows")
NO_PROBABILITIES: Final = _error("MLS328", "a model has nothing of what a gate judges")
EMPTY_ARTIFACT_GATE: Final = _error("MLS329", "a gate on the model itself decides nothing")
MARGIN_BELOW_NOISE: Final = _warning("MLS330", "a margin is below the noise of its metric")
FAIR_MODEL_REFUSED: Final = _warning("MLS331", "a fairness limit that fair models fail")
PERFECT_MODEL_REFUSED: Final = _warning("MLS332", "a calibration limit that a perfect model fails")
TOO_FEW_FOR_LIMIT: Final = _warning("MLS333", "too few observations to clear a limit")
POWERLESS_SEGMENTS: Final = _warning("MLS334", "segments are too small to be told apart")
UNSIGNED_EVIDENCE: Final = _warning("MLS335", "nobody's signature is asked for in a cluster")
OVERRIDDEN_PARAMETER: Final = _error("MLS336", "a parameter that the types of columns decide")
ESTIMATOR_MISFIT: Final = _error("MLS337", "the estimator does not exist or does not suit the task")
PARAMETER_REFUSED: Final = _error("MLS338", "a parameter that the estimator does not take")
OTHER_VERSION: Final = _warning("MLS339", "a mistake, if scikit-learn is as we know it")
UNSPLITTABLE_STEPS: Final = _error("MLS340", "copies cannot split traffic as the steps say")
SHARED_OBJECTS: Final = _error("MLS341", "two environments would own the same objects")
NO_FLOWS_IN_CLUSTER: Final = _warning("MLS342", "nothing in a cluster runs the flows")
CLUSTER_MISFIT: Final = _error("MLS343", "a field does not fit how an environment serves")
LOGS_END_WITH_PODS: Final = _warning("MLS344", "what services answered is lost with their pods")
UNSHARED_CALLS: Final = _warning("MLS345", "calls of gRPC are not shared out as the steps say")
OUTPUT_CHOICE: Final = _error("MLS350", "a batch output is not exactly one of parquet and table")
SPARK_READS_FILES: Final = _error("MLS352", "Spark is to read a query")
ANSWER_HIDES_COLUMN: Final = _error("MLS353", "a key is named as a column of the predictions")
NO_SHARED_ROOT: Final = _error("MLS354", "Spark's executors have no place in common")
SHARED_OUTPUT: Final = _error("MLS355", "two models would write their predictions to one place")

# 5xx: our own output
ILL_FORMED_OUTPUT: Final = _error("MLS501", "a rendered file does not parse: a bug of ours")
STALE_FILE: Final = _error("MLS502", "a generated file is not what the specs render to")
EDITED_FILE: Final = _error("MLS503", "a generated file was edited by hand")
UNWRITABLE_FILE: Final = _error("MLS504", "a generated file cannot be written")

# 6xx: apply
LOCK_HELD: Final = _error("MLS601", "another run holds the lock")
STEP_FAILED: Final = _error("MLS602", "a step failed")
PORT_TAKEN: Final = _error("MLS603", "a port is taken")
DISK_FULL: Final = _error("MLS604", "the disk is full")
TARGET_UNREACHABLE: Final = _error("MLS605", "a server does not answer")
STATE_UNUSABLE: Final = _error("MLS606", "the state cannot be used")
NOT_SUPPORTED_HERE: Final = _error("MLS607", "this environment cannot be applied from here")
ROLLED_BACK: Final = _error("MLS608", "a release was rolled back before")
NOTHING_REGISTERED: Final = _error("MLS609", "no run is registered that could be rolled out")
NOTHING_TO_MUTATE: Final = _error("MLS610", "gates have no recorded model to be tested on")
NEEDS_APPROVAL: Final = _error("MLS611", "a person has to decide first")
UNPROVEN_MODEL: Final = _error("MLS612", "a model's evidence is missing or does not hold")

# 62x: apply to a cluster
CLUSTER_GONE: Final = _error("MLS620", "the cluster does not answer")
CLUSTER_STRANGER: Final = _error("MLS621", "the cluster does not accept the credentials")
CLUSTER_FORBIDS: Final = _error("MLS622", "the cluster does not allow it")
KIND_NOT_INSTALLED: Final = _error("MLS623", "the cluster does not know a kind of object")
FIELD_CONFLICT: Final = _error("MLS624", "somebody else has set a field that the spec sets")
OBJECT_REFUSED: Final = _error("MLS625", "the cluster refuses an object")
PODS_NOT_READY: Final = _error("MLS626", "pods do not become ready")
FOREIGN_OBJECT: Final = _error("MLS627", "an object of that name is somebody else's")
NO_CLUSTER: Final = _error("MLS628", "no cluster to apply to")
ROUTE_NOT_TAKEN: Final = _error("MLS629", "no gateway has taken the route")
NO_IMAGE: Final = _error("MLS630", "a release has no image")
NOTHING_TO_RETURN_TO: Final = _error("MLS631", "there is nothing to go back to")
POD_UNREACHED: Final = _error("MLS632", "the API server does not reach a pod")
NO_CONTROLLER: Final = _error("MLS633", "no controller takes a Rollout up")

# 7xx: the data and the model, found while running
SOURCE_UNREADABLE: Final = _error("MLS701", "the data cannot be read")
ROWS_REFUSED: Final = _error("MLS702", "rows do not fit the Dataset's columns")
TOO_FEW_ROWS: Final = _error("MLS703", "too few rows to train and judge a model")
CONSTANT_LABEL: Final = _error("MLS704", "the label has a single value")
EMPTY_COLUMN: Final = _error("MLS705", "a column holds no value")
LEAKING_LABEL: Final = _error("MLS706", "a feature gives the label away")
ESTIMATOR_UNUSABLE: Final = _error("MLS707", "the estimator cannot be built or fitted")
MODEL_CHANGED: Final = _error("MLS708", "a packaged model is not the one that was released")
MONITOR_BLIND: Final = _error("MLS709", "the monitor has nothing to look at or to compare with")
TABLE_MISFIT: Final = _error("MLS719", "a table cannot take the predictions")

CATALOGUE: Final[dict[str, Code]] = {
    value.id: value for value in list(globals().values()) if isinstance(value, Code)
}
