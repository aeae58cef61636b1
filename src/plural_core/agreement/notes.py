"""What a row says instead of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plural_core.agreement.counts import DimensionRatings, ItemCounts

NO_PAIRS = "not estimable: no item with two ratings"
ALL_EQUAL = "not estimable: all ratings are equal"
NO_COMMON = "not comparable: no common items"


def hidden(ratings: DimensionRatings, counts: ItemCounts, k: int) -> str:
    """Return why a result that rests on `counts` may not be shown, or an empty string.

    Counted are the raters of these items: a group can be large enough while few of its members rated a dimension,
    or an item that another member rated too.
    """
    rated = np.zeros(int(ratings.item.max(initial=0)) + 1, dtype=bool)
    rated[counts.items] = True
    raters = np.count_nonzero(np.bincount(ratings.participant[rated[ratings.item]], minlength=1))
    return f"not shown: fewer than {k} participants" if 0 < raters < k else ""


@dataclass(frozen=True, eq=False)
class Raters:
    """Who rated what on one dimension, by group of one factor.

    Parameters
    ----------
    ratings : DimensionRatings
        The ratings.
    present : ndarray of bool, shape (items, groups)
        Whether a member of the group rated the item.
    rows : list of ndarray of int
        For each group, the rows of its ratings.
    """

    ratings: DimensionRatings
    present: np.ndarray
    rows: list[np.ndarray]

    def small(self, groups: Sequence[int], k: int) -> list[int]:
        """Return which of `groups` hold 1 to `k` - 1 people on whom a comparison of these groups rests.

        Counted are the members of each group who rated an item that a member of another of the groups rated too.
        """
        common = sum((self.present[:, g].astype(np.int64) for g in groups), np.zeros(len(self.present), dtype=int)) >= 2
        found = []
        for g in groups:
            rows = self.rows[g]
            who = self.ratings.participant[rows[common[self.ratings.item[rows]]]]
            if 0 < np.count_nonzero(np.bincount(who, minlength=1)) < k:
                found.append(g)
        return found

    def hidden(self, groups: Sequence[int], k: int) -> str:
        """Return why a comparison of `groups` may not be shown, or an empty string."""
        return f"not shown: fewer than {k} participants rated common items" if self.small(groups, k) else ""

    def enough(self, groups: list[int], k: int) -> list[int]:
        """Return the groups of which enough people rated items in common with the others that are left."""
        while small := self.small(groups, k):
            groups = [g for g in groups if g not in small]
        return groups


def raters(ratings: DimensionRatings, codes: np.ndarray, present: np.ndarray) -> Raters:
    """Return the raters of a dimension by group; `codes` is the group of each participant, below 0 for none."""
    group = codes[ratings.participant]
    return Raters(ratings, present, [np.flatnonzero(group == g) for g in range(present.shape[1])])
