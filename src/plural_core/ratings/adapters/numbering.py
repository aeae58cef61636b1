"""Ids for texts that have none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plural_core.ratings.coded import Coded


def numbered(columns: Sequence[Coded], prefix: str) -> Coded:
    """Return ids ``item_01``, ``item_02``, … for the distinct combinations of columns, none where all are empty.

    Parameters
    ----------
    columns : sequence of Coded
        Equally long columns.
    prefix : str
        What the ids begin with.
    """
    key = np.zeros(len(columns[0].codes), dtype=np.int64)
    for cells in columns:
        key = key * (len(cells.uniques) + 1) + cells.codes + 1
    _, start, group = np.unique(key, return_index=True, return_inverse=True)
    filled = ~np.all([cells.codes < 0 for cells in columns], axis=0)[start]
    order = np.argsort(np.where(filled, start, len(key)), kind="stable")
    rank = np.empty(start.size, dtype=np.int64)
    rank[order] = np.arange(start.size)
    rank[~filled] = -1
    total = int(filled.sum())
    width = len(str(total))
    return Coded(rank[group], np.array([f"{prefix}_{n:0{width}d}" for n in range(1, total + 1)], dtype=object))
