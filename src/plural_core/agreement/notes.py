"""What a row says instead of a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plural_core.agreement.counts import DimensionRatings

NO_PAIRS = "not estimable: no item with two ratings"
ALL_EQUAL = "not estimable: all ratings are equal"
NO_COMMON = "not comparable: no common items"


def hidden(ratings: DimensionRatings, k: int) -> str:
    """Return why a result that rests on `ratings` may not be shown, or an empty string.

    A group can be large enough while few of its members rated a dimension.
    """
    return f"not shown: fewer than {k} participants" if 0 < ratings.n_raters < k else ""


def few(ratings: DimensionRatings, codes: np.ndarray, groups: Sequence[int], k: int) -> str:
    """Return why a comparison of `groups` may not be shown, or an empty string.

    Counted are the members of each group who rated an item that a member of another of the groups rated too:
    the comparison rests on them alone.
    """
    number = np.full(int(codes.max(initial=0)) + 2, -1)
    number[list(groups)] = np.arange(len(groups))
    group = number[codes[ratings.participant]]  # codes below 0 look up the last entry, which is -1
    rows = np.flatnonzero(group >= 0)
    if not len(rows):
        return ""
    item, group, participant = ratings.item[rows], group[rows], ratings.participant[rows]
    present = np.zeros((int(item.max()) + 1, len(groups)), dtype=bool)
    present[item, group] = True
    common = present.sum(axis=1)[item] >= 2
    for g in range(len(groups)):
        raters = np.count_nonzero(np.bincount(participant[common & (group == g)], minlength=1))
        if 0 < raters < k:
            return f"not shown: fewer than {k} participants rated common items"
    return ""
