"""A factor as its people fill it, and the labels under which its levels are shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.ratings.merging import Group, Grouping, Levels, merge_small
from plural_core.study.measures_config import FactorConfig

NOT_STATED = "not stated"
CATCH_ALL = ("other", "others", "another", "andere", "sonstige")


@dataclass(frozen=True, eq=False)
class ShownFactor:
    """One factor of the people of a study.

    Parameters
    ----------
    name : str
        Column of the participants table.
    levels : Levels
        Its levels, in reading order.
    codes : ndarray of int, shape (people,)
        Level number of each person.
    grouping : tuple of tuple of int
        The groups of levels that are shown when the factor stands alone.
    """

    name: str
    levels: Levels
    codes: np.ndarray
    grouping: Grouping

    def cell(self, grouping: Grouping | None = None) -> np.ndarray:
        """Return each person's group number, in the one-way grouping or a coarser one."""
        lookup = np.zeros(len(self.levels.names), dtype=np.int64)
        for number, group in enumerate(grouping or self.grouping):
            lookup[list(group)] = number
        return np.asarray(lookup[self.codes])

    def labels(self, k: int, grouping: Grouping | None = None) -> np.ndarray:
        """Return the label of each group: its levels, a range of an order, or "other"."""
        sizes = np.bincount(self.codes, minlength=len(self.levels.names))
        small = {int(i) for i in np.flatnonzero(sizes < k)}
        return np.array([self._label(g, small, k) for g in grouping or self.grouping], dtype=object)

    def _label(self, group: Group, small: set[int], k: int) -> str:
        levels = self.levels
        pooled = [i for i in group if i in small]
        if not levels.ordered and len(pooled) > 1:
            names = [levels.names[i] for i in group if i not in pooled and i != levels.missing]
            names.append(f"other (fewer than {k} each)")
            group = tuple(i for i in group if i not in pooled)
        else:
            names = [levels.names[i] for i in group if i != levels.missing]
            if levels.ordered and len(names) > 2:
                names = [f"{names[0]} to {names[-1]}"]
        if levels.missing in group:
            names.append(NOT_STATED)
        return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def read_factor(name: str, column: pd.Series, config: FactorConfig, k: int) -> ShownFactor:
    """Return a factor with its small levels merged.

    Parameters
    ----------
    name : str
        Name of the factor.
    column : Series of str
        Level of each participant; missing means "not stated", which is a level too.
    config : FactorConfig
        Reading order, reference level, and whether the levels have an order. Levels that the config does not
        name follow in alphabetical order.
    k : int
        Smallest group that may be shown.
    """
    values = column.astype(object).where(column.notna(), NOT_STATED).astype(str).to_numpy()
    present = set(values)
    expected = [v for v in (config.levels or []) if v in present and v != NOT_STATED]
    names = [*expected, *sorted(present - {*expected, NOT_STATED})]
    missing = len(names) if NOT_STATED in present else None
    reference = config.reference if config.reference in names else next(iter(names), None)
    levels = Levels(
        names=(*names, NOT_STATED) if missing is not None else tuple(names),
        ordered=config.ordered,
        missing=missing,
        reference=names.index(reference) if reference is not None else None,
        catch_all=next((i for i, n in enumerate(names) if n.casefold() in CATCH_ALL), None),
    )
    codes = pd.Index(levels.names).get_indexer(pd.Index(values)).astype(np.int64)
    counts = np.bincount(codes, minlength=len(levels.names)).tolist()
    return ShownFactor(name, levels, codes, merge_small(levels, counts, k))
