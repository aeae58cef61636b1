"""What a row says instead of a number."""

from __future__ import annotations

from collections.abc import Sequence

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


def few_raters(ratings: DimensionRatings, codes: np.ndarray, groups: Sequence[int], k: int) -> list[int]:
    """Return which of `groups` hold 1 to `k` - 1 people on whom a comparison of these groups rests.

    Counted are the members of each group who rated an item that a member of another of the groups rated too.
    """
    number = np.full(int(codes.max(initial=0)) + 2, -1)
    number[list(groups)] = np.arange(len(groups))
    group = number[codes[ratings.participant]]  # codes below 0 look up the last entry, which is -1
    rows = np.flatnonzero(group >= 0)
    if not len(rows):
        return []
    item, group, participant = ratings.item[rows], group[rows], ratings.participant[rows]
    present = np.zeros((int(item.max()) + 1, len(groups)), dtype=bool)
    present[item, group] = True
    common = present.sum(axis=1)[item] >= 2
    raters = [len(np.unique(participant[common & (group == g)])) for g in range(len(groups))]
    return [groups[g] for g, n in enumerate(raters) if 0 < n < k]


def few(ratings: DimensionRatings, codes: np.ndarray, groups: Sequence[int], k: int) -> str:
    """Return why a comparison of `groups` may not be shown, or an empty string."""
    return f"not shown: fewer than {k} participants rated common items" if few_raters(ratings, codes, groups, k) else ""
