"""The step `split`: which rows teach, which choose, which judge. Same rows and seed, same parts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_spec.runtime.context import Context, Output, Progress
from mlops_spec.runtime.data.checks import read_checked
from mlops_spec.runtime.data.labels import lists_of, plain
from mlops_spec.runtime.declare import Dataset, Recipe
from mlops_spec.runtime.refusal import Refusal
from mlops_spec.terms.keys import run_id, split_key
from mlops_spec.terms.tasks import answers_a_number

PARTS: Final = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
Parts = npt.NDArray[np.int8]


def split(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    """Step `split`: the row counts of `train`, `validation` and `test`.

    `Refusal` MLS703 when a part lacks rows or a label, MLS705 when training rows lack a feature.
    """
    key = split_key(data, context.facets)
    run = run_id(data, context.facets)

    def work(_: Progress) -> Output:
        return _split(context, dataset, recipe, data)

    return context.step("split", key, run, work, lambda _: _parts_path(context, data))


def _split(context: Context, dataset: Dataset, recipe: Recipe, data: str) -> Output:
    rows = read_checked(context, data)
    parts = parts_of(rows, dataset, recipe)
    _require_every_part(rows, parts, dataset, recipe)
    _require_features(rows[parts == TRAIN], recipe)
    counts = {name: int((parts == part).sum()) for part, name in enumerate(PARTS)}
    folder = context.workspace.run(run_id(data, context.facets))
    _write(folder, parts, {**counts, "by": dataset.split.by, "seed": recipe.seed})
    return counts


def read_parts(context: Context, data: str) -> Parts:
    """The part of each checked row, in their order."""
    path = _parts_path(context, data)
    if not path.exists():
        raise Refusal("MLS701", f"{path} is gone", "run the same command again: it splits anew")
    found: Parts = pq.read_table(path)["part"].to_numpy()
    return found


def _parts_path(context: Context, data: str) -> Path:
    return context.workspace.run(run_id(data, context.facets)) / "split.parquet"


def parts_of(rows: pd.DataFrame, dataset: Dataset, recipe: Recipe) -> Parts:
    """The part of each row. By time: the newest rows judge. At random: by a hash of the key, so
    that a row stays in its part when others come or go.
    """
    match dataset.split.by:
        case "time":
            assert dataset.time is not None, "link rule MLS312"
            time = _latest(rows[dataset.time], rows, recipe)
            return _by_time(time, dataset.split.test, dataset.split.validation)
        case "random":
            return _by_hash(_hashed(rows, dataset, recipe), recipe.seed, dataset)


def _latest(time: pd.Series, rows: pd.DataFrame, recipe: Recipe) -> pd.Series:
    """Of a ranking the latest time of each list, so that a list stays in one part."""
    if recipe.group is None:
        return time
    return time.groupby(lists_of(rows[recipe.group])).transform("max")


def _hashed(rows: pd.DataFrame, dataset: Dataset, recipe: Recipe) -> pd.Series:
    """The key, or the list of a ranking; a row without a list is one of its own."""
    keys = rows[dataset.key].astype(str)
    if recipe.group is None:
        return keys
    return rows[recipe.group].astype(str).where(rows[recipe.group].notna(), keys)


def _by_time(time: pd.Series, test: float, validation: float) -> Parts:
    moments = time.astype("int64").to_numpy()
    ordered = np.sort(moments)
    parts = np.zeros(len(moments), dtype=np.int8)
    for part, share in ((VALIDATION, test + validation), (TEST, test)):
        held_out = round(share * len(ordered))
        if held_out:
            # All rows of one moment fall on one side: what is known of one is known of the others.
            parts[moments >= ordered[-held_out]] = part
    return parts


def _by_hash(keys: pd.Series, seed: int, dataset: Dataset) -> Parts:
    hashed = pd.util.hash_array(
        keys.astype(str).to_numpy(dtype=object), hash_key=f"{seed % 10**16:016}", categorize=False
    )
    place = hashed / 2.0**64
    parts = np.zeros(len(keys), dtype=np.int8)
    parts[place < dataset.split.test + dataset.split.validation] = VALIDATION
    parts[place < dataset.split.test] = TEST
    return parts


def _require_every_part(rows: pd.DataFrame, parts: Parts, dataset: Dataset, recipe: Recipe) -> None:
    needed = [TRAIN, TEST] + ([VALIDATION] if dataset.split.validation > 0 else [])
    labels = rows[dataset.label]
    for part in sorted(needed):
        here = labels[parts == part]
        if here.empty:
            raise _refused(f"the part {PARTS[part]!r} has no row", dataset)
        if answers_a_number(recipe.task):
            continue
        lacking = set(labels.unique()) - set(here.unique())
        if lacking:
            shown = ", ".join(sorted(repr(plain(label)) for label in lacking)[:5])
            raise _refused(
                f"the part {PARTS[part]!r} ({len(here):,} rows) has no row with label {shown}",
                dataset,
            )


def _require_features(train: pd.DataFrame, recipe: Recipe) -> None:
    """A column that began after the training rows: an imputer would drop it without a word."""
    empty = [name for name in recipe.features if train[name].isna().all()]
    if empty:
        raise Refusal(
            "MLS705",
            f"the feature {empty[0]!r} holds no value in any of the {len(train):,} training rows; "
            "later rows have some",
            "take it from `features` until enough rows with it have come",
            tuple(f"{name}: no value in the training rows" for name in empty),
        )


def _refused(what: str, dataset: Dataset) -> Refusal:
    ties = " Rows of one moment stay together." if dataset.split.by == "time" else ""
    return Refusal(
        "MLS703",
        f"the split by {dataset.split.by} leaves too little: {what}",
        f"add rows, or change `split` (test {dataset.split.test:.0%}, "
        f"validation {dataset.split.validation:.0%}).{ties}",
        field=("data", "split"),
    )


def _write(folder: Path, parts: Parts, summary: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"split.{os.getpid()}.tmp"
    pq.write_table(pa.table({"part": parts}), unfinished)
    unfinished.replace(folder / "split.parquet")
    (folder / "split.json").write_text(json.dumps(summary, indent=2, sort_keys=True))
