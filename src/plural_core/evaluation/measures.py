"""Measures of agreement as functions of weighted sums, for many weightings (bootstrap samples) at once."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, vstack

from plural_core.agreement.alpha import coincidences

MOST_ENTRIES = 4_000_000
"""Numbers held in memory at a time."""


def rater_pairs(counts: np.ndarray) -> csr_matrix:
    """Return each item's pairs of ratings (first, second), shape (items, levels²).

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Two ratings or more per item.

    Notes
    -----
    A pair counts 1 / (ratings - 1), so that an item's pairs sum to its number of ratings: entry (a, b) is how many of
    its ratings are a, each times the share of its other ratings that are b. Judge and rater weigh an item the same.
    """
    levels = counts.shape[1]
    step = max(1, MOST_ENTRIES // levels**2)
    parts = [
        csr_matrix(coincidences(counts[start : start + step]).reshape(-1, levels**2))
        for start in range(0, len(counts), step)
    ]
    return csr_matrix(vstack(parts)) if parts else csr_matrix((0, levels**2))


def judge_pairs(counts: np.ndarray, level: np.ndarray) -> csr_matrix:
    """Return each item's pairs of the judge's level (from 1) and a rating, shape (items, levels²)."""
    item, rating = np.nonzero(counts)
    levels = counts.shape[1]
    column = (level[item] - 1) * levels + rating
    return csr_matrix((counts[item, rating].astype(float), (item, column)), shape=(len(counts), levels**2))


def with_judge(counts: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return the counts with the judge as one more rater."""
    more = counts.copy()
    more[np.arange(len(counts)), level - 1] += 1
    return more


def share_equal(pairs: np.ndarray, groups: np.ndarray, within: int = 0) -> np.ndarray:
    """Return the share of pairs whose levels lie in the same group, or at most `within` groups apart.

    Parameters
    ----------
    pairs : ndarray, shape (..., levels, levels)
        Weighted numbers of pairs.
    groups : ndarray of int, shape (levels,)
        Group of each level.
    within : int
        How many groups apart still counts.
    """
    near = np.abs(groups[:, None] - groups[None, :]) <= within
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((pairs * near).sum(axis=(-2, -1)) / pairs.sum(axis=(-2, -1)))


def cohen_kappa(pairs: np.ndarray, quadratic: bool) -> np.ndarray:
    """Return Cohen's kappa of tables of pairs, shape (..., levels, levels); NaN where chance alone gives agreement.

    Cohen, J. (1960), Educational and Psychological Measurement 20:37-46; with squared distances as weights, Cohen, J.
    (1968), Psychological Bulletin 70:213-220. Of a table with both orders of every pair it is Scott's pi.
    """
    levels = pairs.shape[-1]
    gap = np.arange(levels)[:, None] - np.arange(levels)[None, :]
    cost = gap**2 if quadratic else (gap != 0).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = pairs / pairs.sum(axis=(-2, -1), keepdims=True)
        observed = (shares * cost).sum(axis=(-2, -1))
        expected = np.einsum("...a,ab,...b->...", shares.sum(axis=-1), cost, shares.sum(axis=-2))
        return np.asarray(np.where(expected > 1e-12, 1 - observed / expected, np.nan))


def moments(x: np.ndarray, y: np.ndarray, n: np.ndarray, item: np.ndarray, n_items: int) -> np.ndarray:
    """Return per item the sums of 1, x, y, x², y², xy over its rows, each counted n times, shape (items, 6)."""
    columns = (np.ones_like(x), x, y, x * x, y * y, x * y)
    return np.column_stack([np.bincount(item, weights=n * c, minlength=n_items) for c in columns])


def pearson(sums: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation from sums of `moments`, shape (..., 6); NaN where a variable does not vary."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    varies = (spread_x > 1e-9 * n * np.abs(xx)) & (spread_y > 1e-9 * n * np.abs(yy))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(varies, (n * xy - x * y) / np.sqrt(spread_x * spread_y), np.nan))


def regression(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and intercept of y on x from sums of `moments`, shape (..., 6); NaN where x does not vary."""
    n, x, y, xx, _, xy = np.moveaxis(sums, -1, 0)
    spread = n * xx - x * x
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(spread > 1e-9 * n * np.abs(xx), (n * xy - x * y) / spread, np.nan)
        return np.asarray(slope), np.asarray((y - slope * x) / n)


def spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation, ties at their mid-ranks, under many weightings of the same points.

    Parameters
    ----------
    x, y : ndarray, shape (points,)
        The two variables.
    weights : ndarray, shape (draws, points)
        How often each point counts in each draw.

    Returns
    -------
    ndarray, shape (draws,)
        NaN where a variable does not vary.
    """
    step = max(1, MOST_ENTRIES // max(len(x), 1))
    parts = [_spearman(x, y, weights[start : start + step]) for start in range(0, len(weights), step)]
    return np.concatenate(parts) if parts else np.empty(0)


def _spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if not len(x):
        return np.full(len(weights), np.nan)
    a, b = _ranks(x, weights), _ranks(y, weights)
    cross, own_a, own_b = ((weights * left * right).sum(axis=1) for left, right in ((a, b), (a, a), (b, b)))
    with np.errstate(divide="ignore", invalid="ignore"):
        # A constant has ranks of 0 up to rounding.
        varies = (own_a > 1e-9) & (own_b > 1e-9)
        return np.asarray(np.where(varies, cross / np.sqrt(own_a * own_b), np.nan))


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return mid-ranks less their mean, in [-1/2, 1/2] of the draw's points, shape (draws, points)."""
    distinct, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(distinct)))
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    total = weights.sum(axis=1, keepdims=True)
    # The mean of mid-ranks is half the number of points.
    middle = (np.cumsum(counts, axis=1) - counts / 2) / np.maximum(total, 1) - 0.5
    return np.asarray(middle[:, place])
