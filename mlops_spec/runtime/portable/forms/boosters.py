"""The trees of LightGBM and XGBoost, read from what these libraries print themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from mlops_spec.runtime.portable.forms.ensembles import Ensemble, Link
from mlops_spec.runtime.portable.forms.trees import Tree
from mlops_spec.runtime.portable.graph import NoForm

# From the sum of the leaves to the answer, by the objective.
_LIGHT: Final[dict[str, Link]] = {
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), "sum"),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), "exp"),
}
_EXTREME: Final[dict[str, Link]] = {
    **dict.fromkeys(
        ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror"),
        "sum",
    ),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie"), "exp"),
}


@dataclass(slots=True)
class _Nodes:
    """The nodes of one tree of LightGBM, as they are met."""

    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    members: dict[int, tuple[float, ...]] = field(default_factory=dict)

    def add(self, node: dict[str, Any]) -> int:
        """The place of a node, those below it added too."""
        at = len(self.feature)
        leaf = "left_child" not in node
        if leaf and "leaf_coeff" in node:
            raise NoForm("trees with linear leaves")
        self.feature.append(0 if leaf else node["split_feature"])
        self.weight.append(float(node["leaf_value"]) if leaf else 0.0)
        self.threshold.append(0.0)
        self.missing_left.append(False)
        self.left.append(-1)
        self.right.append(-1)
        if not leaf:
            self._split(at, node)
        return at

    def _split(self, at: int, node: dict[str, Any]) -> None:
        if node["missing_type"] == "Zero":
            raise NoForm("zero as a missing value")
        if node["decision_type"] == "==":
            self.members[at] = tuple(map(float, str(node["threshold"]).split("||")))
        else:
            self.threshold[at] = float(node["threshold"])
            # Where training met no missing value, one is taken for zero.
            zero = node["missing_type"] == "None"
            self.missing_left[at] = node["threshold"] >= 0.0 if zero else node["default_left"]
        self.left[at] = self.add(node["left_child"])
        self.right[at] = self.add(node["right_child"])

    def tree(self, target: int) -> Tree:
        return Tree(
            np.array(self.feature), np.array(self.threshold), np.array(self.left),
            np.array(self.right), np.array(self.missing_left), np.array(self.weight),
            np.full(len(self.feature), target), self.members,
        )  # fmt: skip


def _light_sum(model: Any) -> tuple[str, Ensemble]:
    """The objective, and the sum of the leaves by class."""
    found = model.booster_.dump_model(num_iteration=model.best_iteration_ or -1)
    targets = found["num_tree_per_iteration"]
    trees = []
    for number, tree in enumerate(found["tree_info"]):
        nodes = _Nodes()
        nodes.add(tree["tree_structure"])
        trees.append(nodes.tree(number % targets))
    divisor = float(len(trees) // targets) if found["average_output"] else 1.0
    width = model.n_features_in_
    raw = Ensemble(tuple(trees), width, targets, single=False, divisor=divisor)
    return str(found["objective"]), raw


def light_shares(model: Any) -> Ensemble:
    """LGBMClassifier."""
    objective, raw = _light_sum(model)
    name, *options = objective.split()
    match name:
        case "binary":
            slope = next(float(o.partition(":")[2]) for o in options if o.startswith("sigmoid:"))
            return replace(raw, slope=slope, link="sigmoid")
        case "multiclass":
            return replace(raw, link="softmax")
        case other:
            raise NoForm(f"the objective {other}")


def light_mean(model: Any) -> Ensemble:
    """LGBMRegressor."""
    objective, raw = _light_sum(model)
    name, *options = objective.split()
    if name not in _LIGHT or "sqrt" in options:
        raise NoForm(f"the objective {objective}")
    return replace(raw, link=_LIGHT[name])


def _extreme_trees(model: dict[str, Any]) -> Iterator[Tree]:
    for tree, target in zip(model["trees"], model["tree_info"], strict=True):
        if any(tree["split_type"]):
            raise NoForm("splits by categories of XGBoost")
        left = np.array(tree["left_children"])
        limit = np.array(tree["split_conditions"], dtype=np.float32)
        # In single precision, below a number is at most the one before it.
        before = np.nextafter(limit, np.float32(-np.inf)).astype(np.float64)
        weight = np.where(left < 0, limit.astype(np.float64), 0.0)
        missing_left = np.array(tree["default_left"], dtype=bool)
        yield Tree(
            np.where(left < 0, 0, tree["split_indices"]), before, left,
            np.array(tree["right_children"]), missing_left, weight,
            np.full(len(left), target), {},
        )  # fmt: skip


def _extreme_sum(model: Any) -> tuple[str, Ensemble]:
    booster = model.get_booster()
    best = getattr(booster, "best_iteration", None) if model.early_stopping_rounds else None
    found = json.loads((booster if best is None else booster[: best + 1]).save_raw("json"))[
        "learner"
    ]
    if found["gradient_booster"]["name"] != "gbtree":
        raise NoForm(f"the booster {found['gradient_booster']['name']}")
    objective = str(found["objective"]["name"])
    start = np.array(json.loads(f"[{found['learner_model_param']['base_score'].strip('[]')}]"))
    # It is written as an answer, and added before the link.
    if objective == "binary:logistic":
        start = np.log(start / (1 - start))
    elif _EXTREME.get(objective) == "exp":
        start = np.log(start)
    targets = max(1, int(found["learner_model_param"]["num_class"]))
    trees = tuple(_extreme_trees(found["gradient_booster"]["model"]))
    return objective, Ensemble(trees, model.n_features_in_, targets, start=start)


def extreme_shares(model: Any) -> Ensemble:
    """XGBClassifier."""
    objective, raw = _extreme_sum(model)
    match objective:
        case "binary:logistic":
            return replace(raw, link="sigmoid")
        case "multi:softprob" | "multi:softmax":
            return replace(raw, link="softmax")
        case other:
            raise NoForm(f"the objective {other}")


def extreme_mean(model: Any) -> Ensemble:
    """XGBRegressor."""
    objective, raw = _extreme_sum(model)
    if objective not in _EXTREME:
        raise NoForm(f"the objective {objective}")
    return replace(raw, link=_EXTREME[objective])
