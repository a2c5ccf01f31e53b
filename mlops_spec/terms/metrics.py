"""The metrics of the language by their scikit-learn names: for which tasks, which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_CLASSES: Final = frozenset({"binary", "multiclass"})
_MULTICLASS: Final = frozenset({"multiclass"})
_BINARY: Final = frozenset({"binary"})
_REGRESSION: Final = frozenset({"regression"})
_RANKING: Final = frozenset({"ranking"})
_ALL: Final = _CLASSES | _REGRESSION


@dataclass(frozen=True, slots=True)
class Metric:
    """`share`: lies between 0 and 1 like a share, so that a bare margin on it is ambiguous."""

    name: str
    tasks: frozenset[str]
    more_is_better: bool
    share: bool
    title: str


METRICS: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", _BINARY, True, True, "area under the ROC curve"),
        Metric("average_precision", _BINARY, True, True, "area under the precision-recall curve"),
        Metric("accuracy", _CLASSES, True, True, "share of right decisions"),
        Metric("balanced_accuracy", _CLASSES, True, True, "mean recall over the classes"),
        Metric("precision", _BINARY, True, True, "share of positive decisions that are right"),
        Metric("recall", _BINARY, True, True, "share of positives that are found"),
        Metric("f1", _BINARY, True, True, "harmonic mean of precision and recall"),
        Metric("precision_macro", _CLASSES, True, True, "mean precision over the classes"),
        Metric("f1_weighted", _CLASSES, True, True, "mean F1, weighted by how often a class is"),
        Metric("f1_macro", _CLASSES, True, True, "mean F1 over the classes"),
        Metric("roc_auc_ovr", _MULTICLASS, True, True, "mean AUC of each class against the rest"),
        Metric("matthews_corrcoef", _CLASSES, True, True, "correlation of truth and decision"),
        Metric("cohen_kappa", _CLASSES, True, True, "agreement beyond chance"),
        Metric("brier_score", _BINARY, False, True, "mean squared error of the probability"),
        Metric("log_loss", _CLASSES, False, False, "mean negative log-likelihood"),
        Metric("mean_absolute_error", _REGRESSION, False, False, "mean absolute error"),
        Metric(
            "root_mean_squared_error", _REGRESSION, False, False, "root of the mean squared error"
        ),
        Metric("median_absolute_error", _REGRESSION, False, False, "median absolute error"),
        Metric(
            "mean_absolute_percentage_error",
            _REGRESSION,
            False,
            False,
            "mean absolute error, as a share of the truth",
        ),
        Metric("r2", _REGRESSION, True, True, "coefficient of determination"),
        Metric(
            "skill",
            _ALL | _RANKING,
            True,
            True,
            "1 - loss / loss of a constant prediction (Brier, or squared error)",
        ),
        Metric("ndcg", _RANKING, True, True, "discounted gain of a list over that of the best"),
        Metric("ndcg_at_10", _RANKING, True, True, "the same of the first ten of a list"),
        Metric(
            "mean_average_precision", _RANKING, True, True, "precision down to each relevant row"
        ),
        Metric("mean_reciprocal_rank", _RANKING, True, True, "1 / rank of the first relevant row"),
    )
}

# What `primary` stands for in a policy that is shared by models of several tasks.
PRIMARY: Final[dict[str, str]] = {
    "binary": "roc_auc",
    "multiclass": "accuracy",
    "regression": "root_mean_squared_error",
    "ranking": "ndcg",
}

# What is watched while a model serves: rows of a log come without the list they stood in.
WATCHED: Final[dict[str, str]] = {**PRIMARY, "ranking": "root_mean_squared_error"}
