"""Ratings as they stand in a file, to level numbers."""

from __future__ import annotations

import numpy as np

from plural_core.errors import listing
from plural_core.ratings.coded import Coded
from plural_core.ratings.raw import RawTable
from plural_core.study.measures_config import DimensionConfig

MISSING = 0  # no rating; levels count from 1


def levels_of(raw: RawTable, column: str, cells: Coded, dimension: DimensionConfig) -> np.ndarray:
    """Return the level of every row, `MISSING` where there is no rating.

    A cell may hold a raw value of ``dimension.values``, a level number (``3`` or ``3.0``) or a label. Where
    ``dimension.values`` maps numbers, other numbers are refused: they would be levels by accident.

    Parameters
    ----------
    raw : RawTable
        The file, for errors.
    column : str
        The column's name in it.
    cells : Coded
        The column.
    dimension : DimensionConfig
        Scale, labels and raw values.

    Raises
    ------
    DataError
        A rating outside the scale, fractional or not understood, with its row.
    """
    # In a long file the column also holds the values of other dimensions, which this one's scale may not know.
    used = np.bincount(cells.codes[cells.codes >= 0], minlength=len(cells.uniques)) > 0
    texts = zip(cells.uniques, used, strict=True)
    parsed = [level_of(str(text), dimension) if here else MISSING for text, here in texts]
    bad = [code for code, level in enumerate(parsed) if isinstance(level, str)]
    if bad:
        row = cells.first(bad)
        code = int(cells.codes[row])
        remedy = "correct it, or give its level under the dimension's 'values'"
        raise raw.fault(row, column, cells.uniques[code], f"{parsed[code]}; {remedy}")
    lookup = np.array([*parsed, MISSING], dtype=np.int64)
    found: np.ndarray = lookup[cells.codes]
    return found


def level_of(text: str, dimension: DimensionConfig) -> int | str:
    """Return the level that a text means, or the reason why it means none."""
    if text in dimension.values:
        return dimension.values[text]
    folded = {raw.casefold(): level for raw, level in dimension.values.items()}
    if text.casefold() in folded:
        return folded[text.casefold()]
    number = _number(text)
    if number is None:
        labels = [label.casefold() for label in dimension.labels or []]
        if text.casefold() in labels:
            return labels.index(text.casefold()) + 1
        known = [*dimension.values, *(dimension.labels or [])]
        hint = f" or one of: {listing(known)}" if known else ""
        return f"not a rating; expected a level from 1 to {dimension.levels}{hint}"
    numbers = {_number(raw): level for raw, level in dimension.values.items() if _number(raw) is not None}
    if numbers:
        if number in numbers:
            return numbers[number]
        return f"not among the values of the dimension ({listing(dimension.values)})"
    if number != int(number):
        return f"a fraction; ratings are whole levels from 1 to {dimension.levels}"
    if not 1 <= number <= dimension.levels:
        return f"outside the scale, 1 to {dimension.levels}"
    return int(number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
