"""A million held-out rows: a card in seconds, and small enough to mail."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from learning import DATASET, RECIPE, context, put, rows, trained

from mlops_spec.runtime.card.write import write_card
from mlops_spec.runtime.declare import AtLeast, Gates
from mlops_spec.runtime.gates.step import gate

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
MILLION = 1_000_000


def test_a_million_rows_take_seconds_and_less_than_a_megabyte(tmp_path):
    put(tmp_path, rows(900))
    place = context(tmp_path)
    run = trained(place)
    folder, random = place.workspace.run(run), np.random.default_rng(0)
    chosen = random.integers(0, 180, MILLION)
    for name in ("heldout.parquet", "heldout-rows.parquet"):
        many = pd.read_parquet(folder / name).iloc[chosen].reset_index(drop=True)
        if "score" in many:
            many["score"] = (many["score"] + random.normal(0, 0.02, MILLION)).clip(0, 1)
        many.to_parquet(folder / name)
    gate(place, Gates((AtLeast("roc_auc", 0.6),)), RECIPE, run)
    started = time.process_time()
    page = write_card(place, run)
    assert time.process_time() - started < 10  # 2 s here; the machine may be busy
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < MILLION
    assert "Could not be shown" not in text
    assert f"n {MILLION:,}" in text
    assert DATASET.label in text
