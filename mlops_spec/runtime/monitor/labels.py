"""Labels that have arrived, by the key of the prediction that they belong to.

The source is read in parts and only what is asked for is kept: it may have labels of years, and a
window asks for those of a week.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_spec.runtime.declare import Dataset
from mlops_spec.runtime.monitor.profile import canonical

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROWS: Final = 500_000  # of the source at a time
_TRUTHS: Final = frozenset({"true", "false"})


def labels(root: Path, dataset: Dataset, keys: AbstractSet[str]) -> pd.Series[str]:
    """The labels of these keys by key, both as `canonical` text. A key with two labels has none.

    `Refusal` MLS701 when the source cannot be read.
    """
    import pandas as pd

    from mlops_spec.runtime.data.stream import chunks

    names = (dataset.key, dataset.label)
    wanted = _Wanted(keys)
    found = [pd.DataFrame({"key": [], "label": []}, dtype=object)]
    for chunk in chunks(root, dataset.source, names, ROWS):
        if not keys:  # but a source that cannot be read is told before its labels are missed
            break
        found.append(_labelled(chunk.rows, dataset, wanted))
    pairs = pd.concat(found).drop_duplicates()
    one_label: pd.Series[str] = pairs.drop_duplicates("key", keep=False).set_index("key")["label"]
    return one_label


def keys_of(predictions: pd.DataFrame) -> frozenset[str]:
    """The keys that predictions have, as `labels` asks for them."""
    return frozenset(predictions["key"].dropna().map(canonical))


def has_label(predictions: pd.DataFrame, arrived: pd.Series[str]) -> pd.Series[bool]:
    """Which predictions have a label."""
    keys = predictions["key"]
    # The index keeps the table that it looks keys up in; `isin` would make a new one each time.
    return keys.notna() & keys.map(canonical).map(arrived).notna()


def labelled(predictions: pd.DataFrame, arrived: pd.Series[str]) -> pd.DataFrame:
    """The predictions that have a label, each key once: a repeated request is one row."""
    found = predictions.dropna(subset=["key"])
    found = found.assign(key=found["key"].map(canonical)).drop_duplicates("key")
    return found.assign(label=found["key"].map(arrived)).dropna(subset=["label"])


class _Wanted:
    """Keys that are looked for in columns of millions."""

    def __init__(self, keys: AbstractSet[str]) -> None:
        import pyarrow as pa

        self._keys = keys
        # What `canonical` writes small may stand there in capitals.
        self._written = pa.array([*keys, *(key.title() for key in keys & _TRUTHS)], pa.string())

    def among(self, values: pd.Series[Any]) -> pd.Series[bool]:
        """Where one of the keys stands."""
        import pandas as pd
        import pyarrow.compute as pc

        text = _text(values)
        if text is None:
            return values.map(canonical).isin(self._keys)
        return pd.Series(pc.is_in(text, value_set=self._written).to_numpy(False), values.index)


def _text(values: pd.Series[Any]) -> pa.Array | None:
    """Integers and text as text, all at once. None: only one by one."""
    import pandas as pd
    import pyarrow as pa

    if pd.api.types.is_integer_dtype(values):
        return pa.array(values).cast(pa.string())
    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        return pa.array(values, pa.string(), from_pandas=True)
    return None


def _labelled(rows: pa.Table, dataset: Dataset, wanted: _Wanted) -> pd.DataFrame:
    """The keys that are wanted and have a label, and that label."""
    import pandas as pd

    from mlops_spec.runtime.data.columns import parse

    columns = {column.name: column for column in dataset.columns}
    keys = parse(rows[dataset.key], columns[dataset.key]).values
    asked = wanted.among(keys)
    told = rows[dataset.label].filter(asked.to_numpy())
    found = parse(told, columns[dataset.label]).values
    pairs = pd.DataFrame({"key": keys[asked].to_numpy(), "label": found.to_numpy()}, dtype=object)
    return pairs.dropna().map(canonical)
