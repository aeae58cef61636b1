"""Separation: directions along which the likelihood rises for ever.

The log-likelihood of a cumulative link model has no maximum if there is a direction d with B1 d >= 0 (every
upper end moves up or stays) and B2 d <= 0, not all zero. Given the standard deviations, the same holds for
the mixed model: adding random effects shifts both ends alike. Along d, ratings that move end up with
probability one (or with one end of their interval at infinity); in this limit the remaining parameters have
an ordinary likelihood, which is what we fit. Everything about them is therefore the limit of the full fit.

After Konis (2007) for binary models, with the inequalities of ordinal ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.clm import NewtonFit

Array = np.ndarray
_TOL = 1e-7


@dataclass(frozen=True)
class Limit:
    """The limit model.

    Attributes
    ----------
    arrays : ModelArrays
        Columns `kept` only; ratings that ran away have open ends.
    kept : ndarray of int
        Columns of gamma that remain.
    signs : dict
        Column of gamma -> +1 or -1, the direction in which it runs; all of them are not estimable.
    direction : ndarray, shape (p,)
        Where gamma runs, all columns: the limit is gamma + t * direction for t to infinity.
    """

    arrays: ModelArrays
    kept: Array
    signs: dict[int, int]
    direction: Array


def suspicious(fit: NewtonFit, arrays: ModelArrays) -> bool:
    """Whether the fixed-effects fit looks as if something ran away (cheap; the linear program decides)."""
    if not fit.converged or fit.steps > 20:
        return True
    reach = np.abs(fit.gamma) * np.maximum(np.abs(arrays.b1).max(axis=0), np.abs(arrays.b2).max(axis=0))
    if reach.max(initial=0.0) > 7.0 * arrays.link.sd:
        return True
    # Some links flatten out so fast that the search stops early: then nearly no information is left.
    carried = arrays.weights @ (arrays.b1**2 + arrays.b2**2)
    return bool((np.diag(fit.hessian) < 1e-3 * carried).any())


def find_limit(arrays: ModelArrays, n_alpha: int, order: Array | None = None) -> Limit | None:
    """Look for separation; None if every parameter is finite.

    Parameters
    ----------
    n_alpha : int
        Number of threshold parameters, which are removed last.
    order : ndarray, shape (m, p), optional
        Rows A with A gamma = distances of neighbouring cut points, which must not shrink below zero
        (threshold-specific effects; without them the ratings see to it).
    """
    kept = np.arange(arrays.n_fixed)
    current = arrays
    signs: dict[int, int] = {}
    total = np.zeros(arrays.n_fixed)
    order = np.zeros((0, arrays.n_fixed)) if order is None else order
    for step in range(arrays.n_fixed):
        direction = _recession(current, order)
        if direction is None:
            break
        for place in np.flatnonzero(np.abs(direction) > _TOL):
            signs.setdefault(int(kept[place]), int(np.sign(direction[place])))
        # Later directions must not undo what earlier ones have moved.
        total[kept] += direction * 0.25**step
        runs_up = current.b1 @ direction > _TOL
        runs_down = current.b2 @ direction < -_TOL
        current = replace(current, top=current.top | runs_up, bottom=current.bottom | runs_down)
        stays = _independent(current, np.array([int(c) in signs for c in kept]), kept < n_alpha)
        current = current.with_columns(stays)
        kept = kept[stays]
        # Cut points that have parted for ever constrain nothing any more.
        order = order[order @ direction <= _TOL][:, stays]
    return Limit(current, kept, signs, total) if signs else None


def _recession(arrays: ModelArrays, order: Array) -> Array | None:
    """A direction of recession with as many moving ends as possible, or None."""
    rows = np.vstack([arrays.b1[~arrays.top], -arrays.b2[~arrays.bottom]])
    rows = np.unique(rows, axis=0)
    if not rows.size:
        return None
    constraints = np.vstack([rows, np.unique(order, axis=0)])
    # Scale columns, so that the box treats them alike. A column that nothing informs stays where it is.
    reach = np.abs(constraints).max(axis=0)
    scale = np.where(reach > 0.0, reach, 1.0)
    box = [(-1.0, 1.0) if moves else (0.0, 0.0) for moves in reach > 0.0]
    found = linprog(
        -(rows / scale).sum(axis=0), A_ub=-constraints / scale, b_ub=np.zeros(len(constraints)), bounds=box,
        method="highs",
    )  # fmt: skip
    if found.status != 0 or found.x is None or found.fun is None or found.fun > -1e-6:
        return None
    best = np.asarray(found.x)
    direction = np.where(np.abs(best) > _TOL, best, 0.0) / scale
    return np.asarray(direction / np.abs(direction).max())


def _independent(arrays: ModelArrays, running: Array, is_alpha: Array) -> Array:
    """Columns that the remaining finite ends still identify; running columns are given up first."""
    rows = np.vstack([arrays.b1[~arrays.top], arrays.b2[~arrays.bottom]])
    order = np.lexsort((~is_alpha, running))
    basis = np.zeros((len(rows), 0))
    chosen: list[int] = []
    for j in order:
        column = rows[:, j]
        norm = float(np.linalg.norm(column))
        if norm == 0.0:
            continue
        rest = column / norm
        for _ in range(2):
            rest = rest - basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > 1e-8:
            chosen.append(int(j))
            basis = np.column_stack([basis, rest / size])
    return np.array(sorted(chosen), dtype=np.int64)
