"""The plots of a task: how the answers lie against the truth, row by row."""

from __future__ import annotations

from mlops_spec.runtime.card.binary import binary
from mlops_spec.runtime.card.calibration import calibration
from mlops_spec.runtime.card.multiclass import multiclass
from mlops_spec.runtime.card.ranking import ranking
from mlops_spec.runtime.card.recorded import Recorded
from mlops_spec.runtime.card.regression import regression
from mlops_spec.runtime.card.section import Section
from mlops_spec.runtime.page.markup import soft, text


def curves(found: Recorded) -> Section:
    judged = found.judged
    if judged is None:
        return Section("answers", "Answers", "", soft("The answers row by row are not there."))
    if judged.obstacle:
        return Section("answers", "Answers", "", soft(f"Nothing to draw: {text(judged.obstacle)}."))
    match found.task:
        case "binary":
            drawn = binary(found, judged) + calibration(found, judged)
        case "multiclass":
            drawn = multiclass(found, judged)
        case "regression":
            drawn = regression(found, judged)
        case _:
            drawn = ranking(found, judged)
    return Section(
        "answers", "Answers", "What the model said of the held-out rows, against what was true.",
        f'<div class="figures">{drawn}</div>',
    )  # fmt: skip
