"""A column of text as codes and distinct values: a million rows cost little, each distinct value is parsed once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np


def pick(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the value at each code, None at a code below 0."""
    lookup = np.empty(len(values) + 1, dtype=object)
    lookup[:-1] = values
    taken: np.ndarray = lookup[codes]
    return taken


@dataclass(frozen=True)
class Coded:
    """A column as codes into its distinct values.

    Parameters
    ----------
    codes : ndarray of int64, shape (n,)
        Index into `uniques`; -1 where there is no value.
    uniques : ndarray of object, shape (k,)
        Distinct values in the order in which they first appear.
    """

    codes: np.ndarray
    uniques: np.ndarray

    def values(self) -> np.ndarray:
        """Return one value per row, None where there is none."""
        return pick(self.uniques, self.codes)

    def among(self, codes: Collection[int]) -> np.ndarray:
        """Return which rows hold one of `codes`."""
        return np.isin(self.codes, list(codes))

    def first(self, codes: Collection[int]) -> int:
        """Return the first row that holds one of `codes`."""
        return int(np.argmax(self.among(codes)))

    def mapped(self, values: list[Any]) -> Coded:
        """Return the column with each distinct value replaced by the one at its place in `values`, None to drop it."""
        known: dict[Any, int] = {}
        lookup = np.array([-1 if v is None else known.setdefault(v, len(known)) for v in values] + [-1], dtype=np.int64)
        return Coded(lookup[self.codes], np.fromiter(known, dtype=object, count=len(known)))

    def take(self, rows: np.ndarray) -> Coded:
        """Return the column at `rows`, with the same distinct values."""
        return Coded(self.codes[rows], self.uniques)

    @classmethod
    def of(cls, values: Collection[Any]) -> Coded:
        """Return the coded form of plain values."""
        known: dict[Any, int] = {}
        codes = [-1 if v is None else known.setdefault(v, len(known)) for v in values]
        return cls(np.array(codes, dtype=np.int64), np.fromiter(known, dtype=object, count=len(known)))
