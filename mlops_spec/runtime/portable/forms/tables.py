"""Which function writes which class. One that takes the forms themselves writes parts with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mlops_spec.runtime.portable.forms import (
    bayes,
    boosters,
    forests,
    kernels,
    linear,
    neighbours,
    steps,
    together,
)
from mlops_spec.runtime.portable.forms.ensembles import Ensemble
from mlops_spec.runtime.portable.forms.together import Forms
from mlops_spec.runtime.portable.graph import Tensor

Plain = Callable[[Any, Tensor], Tensor]
Nested = Callable[[Any, Tensor, Forms], Tensor]

WEIGHTED: Final = (
    "ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars",
    "LarsCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "LinearRegression",
    "LinearSVR", "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV",
    "PassiveAggressiveRegressor", "QuantileRegressor", "Ridge", "RidgeCV", "SGDRegressor",
    "TheilSenRegressor",
)  # fmt: skip
SEPARATED: Final = (
    "LinearDiscriminantAnalysis", "LinearSVC", "LogisticRegression", "LogisticRegressionCV",
    "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier", "RidgeClassifierCV",
    "SGDClassifier",
)  # fmt: skip
SEARCHES: Final = (
    "GridSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV", "RandomizedSearchCV",
)  # fmt: skip
SELECTORS: Final = (
    "GenericUnivariateSelect", "RFE", "RFECV", "SelectFdr", "SelectFpr", "SelectFromModel",
    "SelectFwe", "SelectKBest", "SelectPercentile", "SequentialFeatureSelector",
    "VarianceThreshold",
)  # fmt: skip

# Why some of scikit-learn's own have no form.
REFUSED: Final = {
    "GaussianProcessClassifier": "its error function, which ONNX Runtime has in single precision",
    "RadiusNeighborsClassifier": "rows without neighbours, which it refuses",
}
# Trees with leaves that add up to the answer. HistGradientBoosting's may encode categories first.
ENSEMBLES: Final[Mapping[str, Callable[[Any], Ensemble]]] = {
    "DecisionTreeClassifier": forests.tree_shares,
    "DecisionTreeRegressor": forests.tree_mean,
    "ExtraTreeClassifier": forests.tree_shares,
    "ExtraTreeRegressor": forests.tree_mean,
    "ExtraTreesClassifier": forests.forest_shares,
    "ExtraTreesRegressor": forests.forest_mean,
    "GradientBoostingClassifier": forests.boosted_shares,
    "GradientBoostingRegressor": forests.boosted_mean,
    "HistGradientBoostingClassifier": forests.histogram_shares,
    "HistGradientBoostingRegressor": forests.histogram_mean,
    "LGBMClassifier": boosters.light_shares,
    "LGBMRegressor": boosters.light_mean,
    "RandomForestClassifier": forests.forest_shares,
    "RandomForestRegressor": forests.forest_mean,
    "XGBClassifier": boosters.extreme_shares,
    "XGBRegressor": boosters.extreme_mean,
}
SHARES: Final[Mapping[str, Plain]] = {
    "BernoulliNB": bayes.bernoulli,
    "CategoricalNB": bayes.categorical,
    "ComplementNB": bayes.complement,
    "GaussianNB": bayes.gaussian,
    "KNeighborsClassifier": neighbours.nearest_shares,
    "LabelPropagation": kernels.propagated,
    "LabelSpreading": kernels.propagated,
    "LinearDiscriminantAnalysis": linear.logistic,
    "LogisticRegression": linear.logistic,
    "LogisticRegressionCV": linear.logistic,
    "MLPClassifier": linear.network,
    "MultinomialNB": bayes.multinomial,
    "NearestCentroid": bayes.nearest_centre,
    "NuSVC": kernels.supported_shares,
    "QuadraticDiscriminantAnalysis": bayes.quadratic,
    "SGDClassifier": linear.gradient_descent,
    "SVC": kernels.supported_shares,
}
SCORES: Final[Mapping[str, Plain]] = {
    **dict.fromkeys(SEPARATED, linear.weighted),
    "NuSVC": kernels.supported,
    "SVC": kernels.supported,
}
PREDICTIONS: Final[Mapping[str, Plain]] = {
    **dict.fromkeys(WEIGHTED, linear.weighted),
    **dict.fromkeys(("CCA", "PLSCanonical", "PLSRegression"), linear.centred),
    **dict.fromkeys(("GammaRegressor", "PoissonRegressor", "TweedieRegressor"), linear.exponential),
    "GaussianProcessRegressor": kernels.process,
    "IsotonicRegression": together.isotonic,
    "KNeighborsRegressor": neighbours.nearest_mean,
    "KernelRidge": kernels.ridge,
    "MLPRegressor": linear.network,
    "NuSVR": kernels.supported,
    "RadiusNeighborsRegressor": neighbours.within_radius,
    "SVR": kernels.supported,
}
STEPS: Final[Mapping[str, Plain]] = {
    **dict.fromkeys(SELECTORS, steps.chosen),
    **dict.fromkeys(("IncrementalPCA", "PCA"), steps.projected),
    **dict.fromkeys(
        ("GaussianRandomProjection", "SparseRandomProjection", "TruncatedSVD"), steps.multiplied
    ),
    "Binarizer": steps.binary,
    "FunctionTransformer": steps.applied,
    "KBinsDiscretizer": steps.in_bins,
    "MaxAbsScaler": steps.largest_one,
    "MinMaxScaler": steps.ranged,
    "MissingIndicator": steps.indicated,
    "Normalizer": steps.normalised,
    "OneHotEncoder": steps.one_hot,
    "OrdinalEncoder": steps.numbered,
    "PolynomialFeatures": steps.products,
    "PowerTransformer": steps.powered,
    "QuantileTransformer": steps.ranked,
    "RobustScaler": steps.robust,
    "SimpleImputer": steps.imputed,
    "StandardScaler": steps.standardised,
}


def _best(model: Any) -> Any:
    return model.best_estimator_


def _inner(model: Any) -> Any:
    return model.estimator_


# Those that answer what a part of them answers.
PARTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(SEARCHES, _best),
    "FixedThresholdClassifier": _inner,
    "RANSACRegressor": _inner,
    "SelfTrainingClassifier": _inner,
    "TunedThresholdClassifierCV": _inner,
}
NESTED_SHARES: Final[Mapping[str, Nested]] = {
    "AdaBoostClassifier": together.adaptive_shares,
    "BaggingClassifier": together.bagged_shares,
    "CalibratedClassifierCV": together.calibrated,
    "HistGradientBoostingClassifier": together.histogram,
    "OneVsRestClassifier": together.one_against_rest,
    "VotingClassifier": together.voted_shares,
}
NESTED_SCORES: Final[Mapping[str, Nested]] = {"AdaBoostClassifier": together.adaptive_scores}
NESTED_PREDICTIONS: Final[Mapping[str, Nested]] = {
    "AdaBoostRegressor": together.adaptive_median,
    "BaggingRegressor": together.bagged_mean,
    "HistGradientBoostingRegressor": together.histogram,
    "TransformedTargetRegressor": together.back_transformed,
    "VotingRegressor": together.voted_mean,
}
NESTED_STEPS: Final[Mapping[str, Nested]] = {
    "ColumnTransformer": together.by_columns,
    "FeatureUnion": together.united,
    "Pipeline": together.chained_whole,
}
