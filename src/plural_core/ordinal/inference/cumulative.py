"""P(y <= j) for given covariates, with its gradient in all parameters: the base of every prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from plural_core.ordinal.links import Link

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult

Array = np.ndarray

_NODES = 61


@dataclass(frozen=True)
class Cumulative:
    """Cumulative probabilities of n rows.

    Attributes
    ----------
    value : ndarray, shape (n, J - 1)
        P(y <= j), for all but the last level.
    gradient : ndarray, shape (n, J - 1, p + k)
        In (gamma, sigma).
    density : ndarray, shape (n, J - 1)
        Derivative in the threshold at a fixed random effect (averaged if marginal).
    reliable : ndarray of bool, shape (n,)
        False where a parameter enters that is not estimable.
    """

    value: Array
    gradient: Array
    density: Array
    reliable: Array


def cumulative(
    result: CLMMResult, x: Array, *, marginal: bool = False, shift: Array | None = None, chain: Array | None = None
) -> Cumulative:
    """Cumulative probabilities at the rows of a model matrix.

    Parameters
    ----------
    x : ndarray, shape (n, columns)
        Model matrix without intercept.
    marginal : bool
        Integrate over the random effects of a new participant, item and so on. Their sum is one normal
        variable with the summed variance, so a one-dimensional Gauss-Hermite rule is enough.
    shift : ndarray, shape (n,), optional
        Known random effects.
    chain : ndarray, shape (n, p + k), optional
        Derivative of `shift` in the parameters.
    """
    spec, link = result.spec, result.spec.link
    p, k = len(spec.names), len(result.sigma)
    n, n_cuts = len(x), len(spec.jacobian)
    value = np.empty((n, n_cuts))
    density = np.empty((n, n_cuts))
    gradient = np.zeros((n, n_cuts, p + k))
    reliable = np.ones(n, dtype=bool)
    lost = [spec.names.index(name) for name in result.not_estimable]
    total = float(np.sqrt(result.sigma @ result.sigma))
    for j in range(n_cuts):
        design = spec.cut_design(x, j)
        cut = design @ result.gamma
        if shift is not None:
            cut = cut - shift
        if marginal and total > 0.0:
            value[:, j], density[:, j], spread = _averaged(link, cut, total)
            gradient[:, j, p:] = spread[:, None] * result.sigma / total
        else:
            clipped = np.clip(cut, -link.end, link.end)
            value[:, j] = link.cdf(clipped)
            density[:, j] = link.densities(clipped)[0]
        gradient[:, j, :p] = density[:, [j]] * design
        if chain is not None:
            gradient[:, j, :] -= density[:, [j]] * chain
        if lost:
            reliable &= ~(design[:, lost] != 0.0).any(axis=1)
    return Cumulative(value, gradient, density, reliable)


def _averaged(link: Link, cut: Array, sd: float) -> tuple[Array, Array, Array]:
    """Mean of F, of f and of d F / d sd over b ~ N(0, sd^2)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    value, density, spread = np.zeros(len(cut)), np.zeros(len(cut)), np.zeros(len(cut))
    for z, w in zip(nodes, weights, strict=True):
        at = np.clip(cut - sd * z, -link.end, link.end)
        f = link.densities(at)[0]
        value += w * link.cdf(at)
        density += w * f
        spread -= w * z * f
    return value, density, spread


def categories(c: Cumulative) -> tuple[Array, Array, Array]:
    """Level probabilities (n, J), their gradients (n, J, p + k) and density differences (n, J)."""
    n = len(c.value)
    zero, one = np.zeros((n, 1)), np.ones((n, 1))
    value = np.diff(np.hstack([zero, c.value, one]), axis=1)
    flat = np.zeros((n, 1, c.gradient.shape[2]))
    gradient = np.diff(np.concatenate([flat, c.gradient, flat], axis=1), axis=1)
    density = np.diff(np.hstack([zero, c.density, zero]), axis=1)
    return value, gradient, density


def quadratic(gradient: Array, covariance: Array) -> Array:
    """G' V g along the last axis."""
    return np.asarray(np.einsum("...a,ab,...b->...", gradient, covariance, gradient, optimize=True))
