"""Trees whose leaves are added up, and what is made of the sums: one form for every library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from mlops_spec.runtime.portable.forms.sets import asked_first
from mlops_spec.runtime.portable.forms.trees import Numbers, Tree, summed
from mlops_spec.runtime.portable.graph import Tensor, beside, both

# From a sum to the answer. `rest`: of two classes the first is what the second leaves.
Link = Literal["sum", "exp", "rest", "sigmoid", "softmax"]

_LINKS: Final[dict[Link, Callable[[Tensor], Tensor]]] = {
    "sum": lambda raw: raw,
    "exp": lambda raw: raw.of("Exp"),
    "rest": both,
    "sigmoid": lambda raw: both(raw.of("Sigmoid")),
    "softmax": lambda raw: raw.softmax(),
}


@dataclass(frozen=True, slots=True)
class Ensemble:
    """`link((sum of leaves / divisor + start) * slope)`.

    A leaf adds its weight to the answer that it names. Where a leaf has several weights (nodes ×
    `targets`), it adds one to each.
    """

    trees: tuple[Tree, ...]
    width: int  # columns that they are asked about
    targets: int = 1
    single: bool = True  # whether values are rounded to single precision first
    divisor: float = 1.0
    start: Numbers = field(default_factory=lambda: np.zeros(1))
    slope: float = 1.0
    link: Link = "sum"

    @property
    def several(self) -> bool:
        """Whether a leaf has a weight for each target."""
        return self.trees[0].weight.ndim > 1


def written(ensemble: Ensemble, x: Tensor) -> Tensor:
    """Rows × answers, as `TreeEnsemble` nodes and what follows them."""
    if ensemble.single:
        x = x.single()
    x, trees = asked_first(x, ensemble.trees, ensemble.width)
    if ensemble.several:
        # A leaf of an operator adds to one class only: the trees are written once for each.
        raw = beside([_scaled(summed(x, _of(trees, k)), ensemble) for k in range(ensemble.targets)])
    else:
        raw = _scaled(summed(x, trees, ensemble.targets), ensemble)
    if ensemble.start.any():
        raw = raw + ensemble.start.reshape(1, -1)
    if ensemble.slope != 1.0:
        raw = raw * ensemble.slope
    return _LINKS[ensemble.link](raw)


def _of(trees: Sequence[Tree], target: int) -> Iterator[Tree]:
    return (tree.adding(tree.weight[:, target]) for tree in trees)


def _scaled(raw: Tensor, ensemble: Ensemble) -> Tensor:
    return raw if ensemble.divisor == 1.0 else raw / ensemble.divisor
