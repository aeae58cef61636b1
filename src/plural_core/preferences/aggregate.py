"""Aggregation of an item's ratings, computed from how often each level was given."""

from __future__ import annotations

import numpy as np

from plural_core.preferences.condition import Aggregation, Ties

LEAST_FOR_CONSENSUS = 2
"""One rater alone is no consensus: the same rule as for disagreement."""


def aggregate(
    counts: np.ndarray, how: Aggregation, ties: Ties = "drop", rng: np.random.Generator | None = None
) -> np.ndarray:
    """Return the label of each item as counts: one rating at its level, or a row of zeros where it has none.

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Ratings per level, lowest first.
    how : str
        ``all`` (and ``random``, whose rater is picked before counting) returns `counts`. ``majority``: the most
        frequent level. ``consensus``: two or more ratings, all equal. ``near_consensus``: two or more ratings
        within one level of each other; its label is their mean. ``mean``: the mean, halves rounded up.
    ties : {"drop", "low", "high", "seed"}
        ``majority`` with several most frequent levels: no label, the lowest of them, the highest, or one drawn.
    rng : Generator, optional
        For ``ties="seed"``.

    Raises
    ------
    ValueError
        ``ties="seed"`` without `rng`.
    """
    if how in ("all", "random") or not len(counts):
        return counts
    n = counts.sum(axis=1)
    if how == "majority":
        level, labelled = _plurality(counts, ties, rng)
    else:
        level, labelled = rounded_mean(counts), n > 0
        lowest = np.argmax(counts > 0, axis=1)
        highest = counts.shape[1] - 1 - np.argmax(counts[:, ::-1] > 0, axis=1)
        if how != "mean":
            reach = 0 if how == "consensus" else 1
            labelled = (n >= LEAST_FOR_CONSENSUS) & (highest - lowest <= reach)
    label = np.zeros_like(counts)
    rows = np.flatnonzero(labelled)
    label[rows, level[rows]] = 1
    return label


def rounded_mean(counts: np.ndarray) -> np.ndarray:
    """Return each item's mean level (from 0), halves rounded up, in whole numbers; 0 where there is no rating."""
    n = np.maximum(counts.sum(axis=1), 1)
    total = counts @ np.arange(counts.shape[1])
    rounded: np.ndarray = (2 * total + n) // (2 * n)
    return rounded


def _plurality(counts: np.ndarray, ties: Ties, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
    most = counts.max(axis=1, keepdims=True)
    top = (counts == most) & (most > 0)
    rated = top.any(axis=1)
    if ties == "drop":
        return np.argmax(top, axis=1), top.sum(axis=1) == 1
    if ties == "high":
        return counts.shape[1] - 1 - np.argmax(top[:, ::-1], axis=1), rated
    if ties == "low":
        return np.argmax(top, axis=1), rated
    if rng is None:
        raise ValueError("ties='seed' needs a generator")
    return np.argmax(np.where(top, rng.random(counts.shape), -1.0), axis=1), rated
