"""Numerical phase: factor D, solve with it, and read its inverse where D has entries."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack
from scipy.linalg.blas import dsyrk, dtrsv

from plural_core.ordinal.linalg.symbolic import Plan

Array = np.ndarray


class NotPositiveDefiniteError(ArithmeticError):
    """The matrix is not positive definite (only possible where a link is not log-concave)."""


class Factor:
    """Factorisation of one symmetric positive definite matrix laid out by a `Plan`.

    Parameters
    ----------
    plan : Plan
        Symbolic factorisation.
    values : ndarray, shape (plan.length,)
        Entries in their slots, zeros where there will be fill. Consumed.

    Raises
    ------
    NotPositiveDefiniteError
        If a pivot is not positive.
    """

    def __init__(self, plan: Plan, values: Array) -> None:
        self.plan = plan
        self._lower: list[Array] = []
        self._pivot: list[Array] = []
        logdet = 0.0
        for level in plan.levels:
            pivot = values[level.nodes]
            if pivot.size and not pivot.min() > 0.0:
                raise NotPositiveDefiniteError
            coupling = values[level.start : level.stop]
            lower = coupling / pivot[level.owner]
            if len(coupling):
                update = np.concatenate(
                    [lower[level.pair_a] * coupling[level.pair_b], lower * coupling],
                )
                values[level.touched] -= np.bincount(
                    level.touched_inverse, weights=update, minlength=len(level.touched)
                )
            self._lower.append(lower)
            self._pivot.append(pivot)
            logdet += float(np.log(pivot).sum())
        logdet += self._factor_dense(values)
        self.logdet = logdet

    def _factor_dense(self, values: Array) -> float:
        plan = self.plan
        m = len(plan.core)
        logdet = 0.0
        core = values[plan.core_start :].reshape(m, m)
        self._block_pivot = values[plan.block]
        self._block = values[plan.block_start : plan.core_start].reshape(len(plan.block), m)
        if len(plan.block):
            if not self._block_pivot.min() > 0.0:
                raise NotPositiveDefiniteError
            scaled = self._block / np.sqrt(self._block_pivot)[:, None]
            # Row-major lower triangle is column-major upper triangle: BLAS works in place on the transpose.
            core.T[...] = dsyrk(-1.0, scaled.T, beta=1.0, c=core.T, lower=0, overwrite_c=1)
            logdet += float(np.log(self._block_pivot).sum())
        self._core = core
        if m:
            factor, info = lapack.dpotrf(core.T, lower=0, clean=0, overwrite_a=1)
            if info != 0:
                raise NotPositiveDefiniteError
            self._core = factor
            logdet += 2.0 * float(np.log(np.diagonal(factor)).sum())
        return logdet

    def solve(self, rhs: Array) -> Array:
        """Solve D x = rhs for one right-hand side, shape (q,)."""
        plan = self.plan
        x = np.array(rhs, dtype=float)
        for level, lower in zip(plan.levels, self._lower, strict=True):
            if len(lower):
                x[level.neighbour_unique] -= np.bincount(
                    level.neighbour_inverse,
                    weights=lower * x[level.nodes][level.owner],
                    minlength=len(level.neighbour_unique),
                )
        if len(plan.block):
            scaled = x[plan.block] / self._block_pivot
            x[plan.core] -= self._block.T @ scaled
        if len(plan.core):
            half = dtrsv(self._core, x[plan.core], trans=1)
            x[plan.core] = dtrsv(self._core, half, overwrite_x=1)
        if len(plan.block):
            x[plan.block] = (x[plan.block] - self._block @ x[plan.core]) / self._block_pivot
        for level, lower, pivot in zip(
            reversed(plan.levels), reversed(self._lower), reversed(self._pivot), strict=True
        ):
            here = x[level.nodes] / pivot
            if len(lower):
                here -= np.bincount(level.owner, weights=lower * x[level.neighbour], minlength=len(level.nodes))
            x[level.nodes] = here
        return x

    def inverse(self) -> Array:
        """Entries of the inverse of D at every slot of the plan, shape (plan.length,).

        Backward recursion over the levels (Takahashi's equations): an entry of the inverse that lies in the
        pattern needs only other entries in the pattern.
        """
        plan = self.plan
        z = np.zeros(plan.length)
        m = len(plan.core)
        if m:
            core, info = lapack.dpotri(self._core, lower=0, overwrite_c=0)
            if info != 0:
                raise NotPositiveDefiniteError
            z[plan.core_start :] = core.T.ravel()
        if len(plan.block):
            scaled = self._block / self._block_pivot[:, None]
            full = z[plan.core_start :].reshape(m, m)
            full = np.tril(full) + np.tril(full, -1).T
            cross = -(scaled @ full)
            z[plan.block_start : plan.core_start] = cross.ravel()
            z[plan.block] = 1.0 / self._block_pivot - np.einsum("ij,ij->i", scaled, cross)
        for level, lower, pivot in zip(
            reversed(plan.levels), reversed(self._lower), reversed(self._pivot), strict=True
        ):
            if not len(lower):
                z[level.nodes] = 1.0 / pivot
                continue
            at_pair = z[level.pair_target]
            size = len(lower)
            coupling = -(
                np.bincount(level.pair_a, weights=lower[level.pair_b] * at_pair, minlength=size)
                + np.bincount(level.pair_b, weights=lower[level.pair_a] * at_pair, minlength=size)
                + lower * z[level.neighbour_diag]
            )
            z[level.start : level.stop] = coupling
            z[level.nodes] = 1.0 / pivot - np.bincount(
                level.owner, weights=lower * coupling, minlength=len(level.nodes)
            )
        return z
