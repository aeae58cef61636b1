"""Pooling estimates that share their units: families answer the same prompts, so their effects are dependent.

DerSimonian-Laird's standard error takes estimates as independent. Drawing the shared units anew for all families
together keeps their dependence, and gives the covariance of several pooled effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plural_core.synthesis.checks import FloatArray
from plural_core.synthesis.errors import SynthesisError

_CHUNK = 256


@dataclass(frozen=True, eq=False)
class JointDraws:
    """Pooled estimates of several contrasts in bootstrap draws of the shared units.

    Attributes
    ----------
    draws : ndarray, shape (draws, contrasts)
        Pooled (DL) estimates; NaN where a draw leaves a contrast without two units.
    """

    draws: FloatArray

    @property
    def std_errors(self) -> FloatArray:
        """Standard deviation of each contrast's draws."""
        spread: FloatArray = np.nanstd(self.draws, axis=0, ddof=1)
        return spread

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return the percentile interval of each contrast."""
        tail = (1.0 - level) / 2.0
        low, high = np.nanquantile(self.draws, [tail, 1.0 - tail], axis=0)
        return low, high

    def covariance(self, first: int, second: int) -> FloatArray:
        """Return the covariance of two contrasts, shape (2, 2)."""
        pair = self.draws[:, [first, second]]
        pair = pair[np.isfinite(pair).all(axis=1)]
        matrix: FloatArray = np.cov(pair, rowvar=False)
        return matrix


def joint_bootstrap(differences: list[FloatArray], n_draws: int, rng: np.random.Generator) -> JointDraws:
    """Draw the units of several contrasts with replacement, jointly over families and contrasts, and pool each draw.

    Parameters
    ----------
    differences : list of ndarray, each of shape (families, units)
        Paired differences per contrast; NaN where a family has none. All have the same units; families may differ.
    n_draws : int
        Number of draws, 2 or more.
    rng : Generator
        For the draws.

    Returns
    -------
    JointDraws
        In every draw each family's mean and standard error are those of its drawn units, pooled by DerSimonian and
        Laird; a family whose differences are all equal in a draw has the standard error of one unit that differs by
        1 (see `floor_std_error`).

    Raises
    ------
    SynthesisError
        No contrast, contrasts with different units, or too few draws.
    """
    if not differences or n_draws < 2:
        raise SynthesisError("a joint bootstrap needs a contrast and two draws or more.")
    n_units = differences[0].shape[1]
    if any(d.ndim != 2 or d.shape[1] != n_units for d in differences):
        raise SynthesisError("all contrasts must have the same units, shape (families, units).")
    pooled = np.empty((n_draws, len(differences)))
    for start in range(0, n_draws, _CHUNK):
        size = min(_CHUNK, n_draws - start)
        weights = rng.multinomial(n_units, np.full(n_units, 1.0 / n_units), size=size).astype(float)
        for number, values in enumerate(differences):
            pooled[start : start + size, number] = _pool_draws(values, weights)
    return JointDraws(pooled)


def floor_std_error(n: FloatArray | float) -> FloatArray | float:
    """Return the standard error that stands for zero: that of n differences of which one is 1 and the others are 0.

    Families whose answers are the same under both conditions differ by exactly nothing on the prompts that were
    asked; a standard error of zero would give them all the weight.
    """
    return 1.0 / np.maximum(n, 1.0)


def _pool_draws(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return DL estimates, shape (draws,), of differences (families, units) under counts (draws, units)."""
    there = np.isfinite(values)
    filled = np.where(there, values, 0.0)
    n = weights @ there.T.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weights @ filled.T) / n
        spread = (weights @ (filled**2).T - n * mean**2) / (n - 1.0)
        variance = np.maximum(spread, 0.0) / n
    variance = np.where(variance > 1e-18, variance, floor_std_error(n) ** 2)
    usable = n >= 2
    w = np.where(usable, 1.0 / variance, 0.0)
    y = np.where(usable, mean, 0.0)
    total = w.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (w * y).sum(axis=1) / total
        q = (w * (y - centre[:, None]) ** 2).sum(axis=1)
        k = usable.sum(axis=1)
        c = total - (w**2).sum(axis=1) / total
        tau2 = np.where(c > 0, np.maximum(0.0, (q - (k - 1)) / np.where(c > 0, c, 1.0)), 0.0)
        v = np.where(usable, 1.0 / (variance + tau2[:, None]), 0.0)
        estimate: FloatArray = (v * y).sum(axis=1) / v.sum(axis=1)
    return np.where(k > 0, estimate, np.nan)
