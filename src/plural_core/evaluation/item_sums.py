"""Bootstrap over items for anything that is a function of sums over items: one product of matrices for all draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.sparse import csr_matrix, issparse

from plural_core.agreement.intervals import percentile_interval, resampled

FEWEST = 3
"""Items below which there is no interval."""


def item_weights(n_items: int, draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield how often each item is drawn in each bootstrap sample, shape (some draws, items), `draws` rows in all.

    None where there are too few items for an interval.
    """
    if n_items >= FEWEST:
        yield from resampled(rng, np.ones(n_items, dtype=np.int64), draws)


def summed(weights: np.ndarray, per_item: np.ndarray | csr_matrix) -> np.ndarray:
    """Return the weighted sums over items, shape (draws, columns)."""
    return np.asarray((per_item.T @ weights.T).T if issparse(per_item) else weights @ per_item)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return `part` / `whole`, NaN where the whole is not above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))


def estimate_rows(
    values: Callable[[np.ndarray], np.ndarray],
    n_items: int,
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> np.ndarray:
    """Return estimates with percentile intervals of the bootstrap over items.

    Parameters
    ----------
    values : callable
        From weights of the items, shape (draws, items), to values, shape (draws, quantities).
    n_items : int
        Number of items.
    draws : int
        Bootstrap draws (0: no interval).
    rng : Generator, optional
        Needed where there are draws.
    level : float
        Confidence level.

    Returns
    -------
    ndarray, shape (quantities, 3)
        Estimate, lower and upper limit; NaN where there is none.
    """
    estimates = values(np.ones((1, n_items)))[0]
    limits = np.full((len(estimates), 2), np.nan)
    if draws:
        if rng is None:
            raise ValueError("a bootstrap needs rng, a numpy Generator")
        drawn = [values(weights) for weights in item_weights(n_items, draws, rng)]
        if drawn:
            whole = np.concatenate(drawn)
            for i in np.flatnonzero(np.isfinite(estimates)):
                limits[i] = percentile_interval(whole[:, i], level)
    return np.column_stack([estimates, limits])
