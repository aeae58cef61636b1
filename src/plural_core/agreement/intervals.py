"""Intervals: Wilson's for proportions, and a bootstrap over items that draws patterns instead of items."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import norm

MOST_WEIGHTS = 4_000_000
"""Weights held in memory at a time."""


def wilson(successes: np.ndarray | float, n: np.ndarray | float, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's score interval of a proportion (Wilson 1927, JASA 22:209-212).

    Parameters
    ----------
    successes, n : array_like
        Number of successes and of trials; NaN limits where there is no trial.
    level : float
        Confidence level in (0, 1).
    """
    x, total = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    z = norm.ppf((1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = x / total
        centre = (p + z**2 / (2 * total)) / (1 + z**2 / total)
        half = z / (1 + z**2 / total) * np.sqrt(p * (1 - p) / total + z**2 / (4 * total**2))
    low = np.where(total > 0, np.where(x == 0, 0.0, np.maximum(centre - half, 0.0)), np.nan)
    high = np.where(total > 0, np.where(x == total, 1.0, np.minimum(centre + half, 1.0)), np.nan)
    return low, high


def unique_rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different rows of a matrix and how often each occurs.

    Rows are told apart by a hash; a second look makes sure that no two different rows shared one.
    """
    if not len(matrix):
        return matrix, np.empty(0, dtype=np.int64)
    whole = np.ascontiguousarray(matrix, dtype=np.float64).view(np.uint64)
    odd = np.random.default_rng(20_251_114).integers(0, 2**63, matrix.shape[1], dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    mixed = whole ^ (whole >> np.uint64(29))
    keys = (mixed * odd).sum(axis=1, dtype=np.uint64)
    _, first, inverse, frequency = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    patterns = matrix[first]
    if np.array_equal(patterns[inverse], matrix):
        return patterns, frequency
    patterns, frequency = np.unique(matrix, axis=0, return_counts=True)
    return patterns, frequency


def resampled(rng: np.random.Generator, frequency: np.ndarray, draws: int) -> Iterator[np.ndarray]:
    """Yield bootstrap weights of patterns, shape (some draws, patterns), `draws` rows in all.

    Drawing n items with replacement and counting their patterns is a multinomial draw over the patterns; with
    few ratings per item there are few patterns, however many items.
    """
    n = int(frequency.sum())
    step = max(1, MOST_WEIGHTS // max(len(frequency), 1))
    for start in range(0, draws, step):
        yield rng.multinomial(n, frequency / n, size=min(step, draws - start)).astype(float)


def percentile_interval(values: np.ndarray, level: float) -> tuple[float, float]:
    """Return the percentile interval of bootstrap values; NaN where most draws gave none."""
    found = values[np.isfinite(values)]
    if not len(values) or len(found) < 0.9 * len(values):
        return np.nan, np.nan
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
