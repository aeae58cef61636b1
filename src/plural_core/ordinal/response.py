"""The response: an ordered categorical, or whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from plural_core.ordinal.errors import ModelDataError, listing


def read_response(values: pd.Series, name: str) -> tuple[np.ndarray, tuple[Any, ...], list[str]]:
    """Codes from 0, levels in order, and messages.

    Raises
    ------
    ModelDataError
        Not ordered (strings, unordered categories, fractions), or one category only.
    """
    notes: list[str] = []
    if isinstance(values.dtype, pd.CategoricalDtype):
        if not values.cat.ordered:
            raise ModelDataError(
                f"response '{name}' is categorical without an order; say which level is lowest:"
                f" pd.Categorical(data['{name}'], categories=[...], ordered=True)"
            )
        all_levels = list(values.cat.categories)
        codes = values.cat.codes.to_numpy().astype(np.int64)
    elif pd.api.types.is_bool_dtype(values):
        all_levels = [False, True]
        codes = values.to_numpy().astype(np.int64)
    elif pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=float)
        if not np.array_equal(numbers, np.round(numbers)):
            first = numbers[numbers != np.round(numbers)][0]
            raise ModelDataError(
                f"response '{name}' has fractions ({first:g}); a rating is a whole number or an ordered category"
            )
        levels, codes = np.unique(numbers, return_inverse=True)
        all_levels = [int(v) for v in levels]
    else:
        seen = sorted(map(str, values.unique()))
        raise ModelDataError(
            f"response '{name}' holds text without an order ({listing(seen)}); use whole numbers or"
            f" pd.Categorical(data['{name}'], categories=[lowest, ..., highest], ordered=True)"
        )
    observed = np.unique(codes)
    if len(observed) < 2:
        raise ModelDataError(
            f"response '{name}' has one observed category ({all_levels[observed[0]]}); there is nothing to model"
        )
    if len(observed) < len(all_levels):
        unused = [all_levels[k] for k in range(len(all_levels)) if k not in set(observed.tolist())]
        notes.append(f"response levels that nobody used were left out: {listing(unused)}")
    return np.searchsorted(observed, codes), tuple(all_levels[k] for k in observed), notes
