"""Sums over items from which everything about a judge and groups of raters follows, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plural_core.evaluation.item_sums import ratio
from plural_core.evaluation.judged import JudgedItems
from plural_core.evaluation.measures import pearson

Array = np.ndarray
PER_GROUP, PER_PAIR = 9, 9
"""Columns of sums of one group, and of a pair of groups."""
GROUP_VALUES = ("difference", "agreement", "correlation", "own_agreement")
PAIR_VALUES = (
    "difference_a",
    "difference_b",
    "agreement_a",
    "agreement_b",
    "agreement_gap",
    "closer",
)


@dataclass(frozen=True, eq=False)
class GroupItems:
    """One dimension's ratings by item and group, on the scale from 0 to 1, beside the judge's scores.

    Parameters
    ----------
    score : ndarray, shape (items,)
        Scores.
    n, mean, squares : ndarray, shape (items, groups)
        Number and mean of the ratings (0 where there is none), and the sum of their squared distances from the mean.
    on_side : ndarray, shape (items, groups)
        Share of the ratings that lie on the judge's side of the scale.
    own : ndarray, shape (items, groups)
        Share of pairs of the group's own ratings on one side (0 for fewer than two ratings).
    """

    score: Array
    n: Array
    mean: Array
    squares: Array
    on_side: Array
    own: Array

    @classmethod
    def of(cls, judged: JudgedItems, codes: Array, n_groups: int) -> GroupItems:
        """Sum up the ratings of `judged` by group; `codes` is each participant's group, below 0 for none."""
        ratings = judged.ratings
        group = codes[ratings.participant]
        rows = np.flatnonzero(group >= 0)
        items = len(judged.score)
        cell = ratings.item[rows] * n_groups + group[rows]
        level = ratings.rating[rows] - 1
        y = level / (ratings.levels - 1)

        def summed(weights: Array | None) -> Array:
            flat = np.bincount(cell, weights=weights, minlength=items * n_groups)
            return np.asarray(flat.reshape(items, n_groups), dtype=float)

        n = summed(None)
        at_least_one = np.maximum(n, 1)
        mean = summed(y) / at_least_one
        # In two passes, so that equal ratings have squares of exactly 0.
        away = y - mean.ravel()[cell]
        side = judged.side[level]
        of_judge = judged.side[judged.level - 1]
        on_side = summed((side == of_judge[ratings.item[rows]]).astype(float)) / at_least_one
        per_side = [summed((side == which).astype(float)) for which in (-1, 0, 1)]
        pairs = np.sum([c * (c - 1) for c in per_side], axis=0)
        return cls(judged.score, n, mean, summed(away * away), on_side, pairs / np.maximum(n * (n - 1), 1))

    def of_group(self, g: int) -> Array:
        """Return the columns whose sums over items give `group_values`, shape (items, `PER_GROUP`)."""
        here = (self.n[:, g] > 0).astype(float)
        two = (self.n[:, g] > 1).astype(float)
        s, m = self.score * here, self.mean[:, g]
        return np.column_stack([here, s, m, s * s, m * m, s * m, self.on_side[:, g], two, self.own[:, g]])

    def of_pair(self, a: int, b: int) -> Array:
        """Return the columns whose sums over items give `pair_values`, shape (items, `PER_PAIR`)."""
        common = ((self.n[:, a] > 0) & (self.n[:, b] > 0)).astype(float)
        columns = [common]
        for g in (a, b):
            away = (self.score - self.mean[:, g]) * common
            columns += [away, away * away, self.on_side[:, g] * common, common / np.maximum(self.n[:, g], 1)]
        return np.column_stack(columns)

    def of_noise(self, g: int) -> Array:
        """Return the columns whose sums give the variance of a rating of an item, shape (items, 2)."""
        return np.column_stack([self.squares[:, g], np.maximum(self.n[:, g] - 1, 0)])


def group_values(sums: Array) -> Array:
    """Return `GROUP_VALUES` from sums of `GroupItems.of_group`, shape (draws, values)."""
    n, s, m = sums[:, 0], sums[:, 1], sums[:, 2]
    return np.column_stack([ratio(s - m, n), ratio(sums[:, 6], n), pearson(sums[:, :6]), ratio(sums[:, 8], sums[:, 7])])


def pair_values(sums: Array, noise_a: Array, noise_b: Array) -> Array:
    """Return `PAIR_VALUES` from sums of `GroupItems.of_pair` and `GroupItems.of_noise`, shape (draws, values)."""
    n = sums[:, 0]
    found, squares = {}, {}
    for name, start, noise in (("a", 1, noise_a), ("b", 5, noise_b)):
        away, square, on_side, inverse = (sums[:, start + i] for i in range(4))
        variance = ratio(noise[:, 0], noise[:, 1])
        squares[name] = ratio(square - variance * inverse, n)
        found[f"difference_{name}"] = ratio(away, n)
        found[f"agreement_{name}"] = ratio(on_side, n)
    found["agreement_gap"] = found["agreement_a"] - found["agreement_b"]
    found["closer"] = squares["b"] - squares["a"]
    return np.column_stack([found[name] for name in PAIR_VALUES])
