"""How often ratings agree with one dimension given that they agree with another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from plural_core.agreement.counts import code_ratings
from plural_core.agreement.intervals import wilson
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig


def cooccurrence_table(tables: RatingTables, config: StudyConfig) -> pd.DataFrame:
    """Return table ``cooccurrence``: P(column agrees | row agrees), for every two dimensions.

    Over the (participant, item) rows that have a rating on both dimensions; agree means a rating at or above
    the dimension's agree level. Wilson's interval takes these rows as independent. Columns: row, column,
    probability, ci_low, ci_high, n_both (both agree), n_row (row agrees), n_ratings (rows with both ratings),
    note. A dimension beside itself gives 1.
    """
    agrees = _agreement(tables, config)
    names = list(config.dimensions)
    rows = []
    for i, row in enumerate(names):
        for j, column in enumerate(names):
            have = (agrees[:, i] >= 0) & (agrees[:, j] >= 0)
            given = have & (agrees[:, i] == 1)
            rows.append((row, column, int((given & (agrees[:, j] == 1)).sum()), int(given.sum()), int(have.sum())))
    frame = pd.DataFrame(rows, columns=["row", "column", "n_both", "n_row", "n_ratings"])
    n = frame["n_row"].to_numpy(dtype=float)
    low, high = wilson(frame["n_both"].to_numpy(), n, config.agreement.level)
    frame["probability"] = np.divide(frame["n_both"], n, out=np.full(len(n), np.nan), where=n > 0)
    same = (frame["row"] == frame["column"]).to_numpy()
    frame["ci_low"], frame["ci_high"] = np.where(same, np.nan, low), np.where(same, np.nan, high)
    frame["note"] = np.where(n > 0, "", "not estimable: no rating agrees with the row's dimension")
    return frame[["row", "column", "probability", "ci_low", "ci_high", "n_both", "n_row", "n_ratings", "note"]]


def _agreement(tables: RatingTables, config: StudyConfig) -> np.ndarray:
    """Return for each (participant, item) that was rated and each dimension: 1 agrees, 0 does not, -1 no rating."""
    coded = code_ratings(tables, config)
    n_items = max(len(coded.items), 1)
    keys = [d.participant * n_items + d.item for d in coded.dimensions]
    known, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    agrees = np.full((len(known), len(keys)), -1, dtype=np.int8)
    start = 0
    for number, dimension in enumerate(coded.dimensions):
        place = inverse[start : start + len(dimension.item)]
        agrees[place, number] = dimension.rating >= config.dimensions[dimension.name].agree_level
        start += len(dimension.item)
    return agrees
