"""Estimation: from arrays to the maximum, its Hessian and a record of how it was reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plural_core.ordinal.agq import QuadratureLikelihood
from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.clm import FixedLikelihood, start_gamma
from plural_core.ordinal.laplace import Evaluation, LaplaceLikelihood
from plural_core.ordinal.optimise import Optimum, difference_hessian, maximise, positive_inverse

Array = np.ndarray
Likelihood = LaplaceLikelihood | QuadratureLikelihood | FixedLikelihood

_BOUNDARY = 1e-3  # as R's ordinal: a standard deviation below this counts as zero
_STEP = 1e-3  # step of central differences in standard errors
# With many ratings the likelihood is so nearly quadratic within a standard error that one-sided differences
# with a shorter step lose nothing (relative error of the Hessian: the step times the skewness).
_ONE_SIDED_FROM, _ONE_SIDED_STEP = 2000, 1e-4


@dataclass(frozen=True)
class Solution:
    """A maximum of the likelihood.

    Attributes
    ----------
    gamma, sigma : ndarray
        Fixed part and standard deviations (not negative).
    loglik : float
        Log-likelihood without penalty.
    covariance : ndarray or None
        Of (gamma, sigma), zero rows where sigma is zero; None if not asked for or not positive definite.
    boundary : ndarray of bool
        Which standard deviations are zero.
    gradient_norm : float
        Largest absolute derivative of the log-likelihood over the free parameters.
    condition : float
        Condition number of the Hessian over the free parameters.
    u : ndarray
        Conditional modes on the standard scale.
    """

    gamma: Array
    sigma: Array
    loglik: float
    covariance: Array | None
    boundary: Array
    gradient_norm: float
    condition: float
    evaluations: int
    iterations: int
    converged: bool
    messages: tuple[str, ...]
    u: Array
    likelihood: Likelihood

    @property
    def psi(self) -> Array:
        """(gamma, sigma)."""
        return np.concatenate([self.gamma, self.sigma])


def make_likelihood(arrays: ModelArrays, n_agq: int = 1) -> Likelihood:
    """The likelihood of a model: exact without random terms, else Laplace or quadrature."""
    if arrays.n_terms == 0:
        return FixedLikelihood(arrays)
    return LaplaceLikelihood(arrays) if n_agq == 1 else QuadratureLikelihood(arrays, n_agq)


def solve(
    arrays: ModelArrays,
    jacobian: Array,
    *,
    n_agq: int = 1,
    start: Array | None = None,
    covariance: bool = True,
    max_iterations: int = 200,
) -> Solution:
    """Maximise the likelihood.

    Parameters
    ----------
    jacobian : ndarray
        Thresholds from threshold parameters, for starting values.
    start : ndarray, optional
        (gamma, sigma) of a similar fit.
    covariance : bool
        Whether to compute the Hessian (two gradients per parameter).
    """
    fixed = FixedLikelihood(arrays)
    if arrays.n_terms == 0:
        return _solve_fixed(fixed, arrays, jacobian, start)
    likelihood = make_likelihood(arrays, n_agq)
    assert not isinstance(likelihood, FixedLikelihood)
    psi, first = _start(likelihood, fixed, arrays, jacobian, start)
    inverse, _ = _first_curvature(likelihood, psi, first)
    best = maximise(likelihood.evaluate, psi, inverse, first=first, max_iterations=max_iterations)
    if best is None:
        raise ArithmeticError("the likelihood is not defined at the starting point")
    best = _leave_saddle(likelihood, best, arrays.n_fixed, inverse, max_iterations)
    best, boundary = _to_boundary(likelihood, best, arrays.n_fixed)
    return _finish(likelihood, best, arrays.n_fixed, boundary, covariance)


def _solve_fixed(fixed: FixedLikelihood, arrays: ModelArrays, jacobian: Array, start: Array | None) -> Solution:
    fit = fixed.newton(start if start is not None else start_gamma(arrays, jacobian))
    loglik = fit.objective + 0.5 * float(arrays.precision @ (fit.gamma * fit.gamma))
    covariance, condition = _invert(fit.hessian)
    messages: tuple[str, ...] = () if fit.converged else ("Newton's method did not converge",)
    if covariance is None:
        messages += ("the Hessian is not positive definite: not at a maximum",)
    return Solution(
        fit.gamma, np.zeros(0), loglik, covariance, np.zeros(0, dtype=bool), float(np.abs(fit.gradient).max()),
        condition, fixed.evaluations + fit.steps, fit.steps, fit.converged and covariance is not None, messages,
        np.zeros(0), fixed,
    )  # fmt: skip


def _start(
    likelihood: LaplaceLikelihood | QuadratureLikelihood,
    fixed: FixedLikelihood,
    arrays: ModelArrays,
    jacobian: Array,
    start: Array | None,
) -> tuple[Array, Evaluation]:
    """Starting values: a similar fit, or the model without random effects stretched for their variance."""
    if start is not None:
        evaluation = likelihood.evaluate(start)
        if evaluation is not None:
            return start, evaluation
    gamma = fixed.newton(start_gamma(arrays, jacobian)).gamma
    for share in (0.45, 0.2, 0.05):
        sigma = np.full(arrays.n_terms, share * arrays.link.sd)
        stretch = np.sqrt(1.0 + float(sigma @ sigma) / arrays.link.sd**2)
        psi = np.concatenate([gamma * stretch, sigma])
        evaluation = likelihood.evaluate(psi)
        if evaluation is not None:
            return psi, evaluation
    raise ArithmeticError("the likelihood is not defined at any starting point")


def _first_curvature(
    likelihood: LaplaceLikelihood | QuadratureLikelihood, psi: Array, first: Evaluation
) -> tuple[Array, Array]:
    """First guess of the inverse Hessian: joint information for gamma, differences for sigma."""
    p = len(psi) - likelihood.arrays.n_terms
    hessian = np.zeros((len(psi), len(psi)))
    hessian[:p, :p] = likelihood.joint_information(psi)
    steps = np.full(len(psi), 1e-3)
    columns = difference_hessian(likelihood.evaluate, psi, steps, np.arange(p, len(psi)))
    if columns is None:
        hessian[p:, p:] = np.eye(len(psi) - p) * max(1.0, float(np.abs(first.gradient[p:]).max()))
    else:
        hessian[:, p:] = columns
        hessian[p:, :p] = columns[:p].T
        hessian[p:, p:] = 0.5 * (columns[p:] + columns[p:].T)
    return positive_inverse(hessian), hessian


def _leave_saddle(
    likelihood: LaplaceLikelihood | QuadratureLikelihood, best: Optimum, p: int, inverse: Array, most: int
) -> Optimum:
    """Zero is a stationary point of every standard deviation; make sure that it is not a minimum there."""
    for _ in range(2):
        small = np.abs(best.psi[p:]) < 10 * _BOUNDARY
        uphill = False
        psi = best.psi.copy()
        for k in np.flatnonzero(small):
            probe = best.psi.copy()
            probe[p + k] = 0.05 * likelihood.arrays.link.sd
            there = likelihood.evaluate(probe)
            if there is not None and (there.gradient[p + k] > 0 or there.objective > best.evaluation.objective):
                psi[p + k] = probe[p + k]
                uphill = True
        if not uphill:
            return best
        again = maximise(likelihood.evaluate, psi, inverse, max_iterations=most)
        if again is None or again.evaluation.objective <= best.evaluation.objective + 1e-10:
            return best
        best = again
    return best


def _to_boundary(likelihood: LaplaceLikelihood | QuadratureLikelihood, best: Optimum, p: int) -> tuple[Optimum, Array]:
    """Set standard deviations that have become negligible to zero, where that costs nothing."""
    psi = best.psi.copy()
    psi[p:] = np.abs(psi[p:])
    # The data decide about zero, so scale by what a rating can show: the latent standard deviation.
    small = psi[p:] < 10 * _BOUNDARY * likelihood.arrays.link.sd
    boundary = np.zeros(len(psi) - p, dtype=bool)
    for k in np.flatnonzero(small):
        trial = psi.copy()
        trial[p + k] = 0.0
        there = likelihood.evaluate(trial)
        if there is not None and there.objective >= best.evaluation.objective - 1e-7:
            psi, boundary[k] = trial, True
            best = Optimum(trial, there, best.iterations, best.converged)
    if not boundary.any():
        # Same point with positive signs: modes flip with the sign of sigma.
        evaluation = likelihood.evaluate(psi)
        if evaluation is not None:
            best = Optimum(psi, evaluation, best.iterations, best.converged)
    return best, boundary


def _finish(
    likelihood: LaplaceLikelihood | QuadratureLikelihood,
    best: Optimum,
    p: int,
    boundary: Array,
    covariance: bool,
) -> Solution:
    """Hessian at the optimum, Newton steps with it until nothing moves, covariance."""
    psi, here = best.psi, best.evaluation
    free = np.concatenate([np.ones(p, dtype=bool), ~boundary])
    messages: list[str] = []
    full: Array | None = None
    condition = float("nan")
    converged = best.converged
    if covariance:
        inverse, guess = _first_curvature(likelihood, psi, here)
        one_sided = len(likelihood.arrays.weights) >= _ONE_SIDED_FROM
        steps = (_ONE_SIDED_STEP if one_sided else _STEP) * np.sqrt(np.maximum(np.diag(inverse), 1e-12))
        steps[p:] = np.where(boundary, _BOUNDARY, np.minimum(steps[p:], 0.1 * np.maximum(psi[p:], _BOUNDARY)))
        columns = np.flatnonzero(free)
        gamma_columns = columns[columns < p]
        raw = difference_hessian(likelihood.evaluate, psi, steps, gamma_columns, here if one_sided else None)
        if raw is None:
            messages.append("the Hessian could not be computed: a neighbouring point is not valid")
            converged = False
        else:
            hessian = guess.copy()
            hessian[:, gamma_columns] = raw
            hessian[gamma_columns, :] = raw.T
            hessian[:p, :p] = 0.5 * (raw[:p] + raw[:p].T)
            hessian = hessian[np.ix_(free, free)]
            psi, here = _polish(likelihood, psi, here, hessian, free)
            inner, condition = _invert(hessian)
            if inner is None:
                messages.append("the Hessian is not positive definite: not at a maximum")
                converged = False
            else:
                full = np.zeros((len(psi), len(psi)))
                full[np.ix_(free, free)] = inner
                decrement = float(here.gradient[free] @ inner @ here.gradient[free])
                converged = decrement < 1e-6
                if not converged:
                    messages.append(f"not at a maximum: a further gain of {decrement / 2:.2g} is expected")
    if not converged and not messages:
        messages.append("the optimiser stopped before it reached a maximum")
    gradient_norm = float(np.abs(here.gradient[free]).max())
    return Solution(
        psi[:p], psi[p:], here.loglik, full, boundary, gradient_norm, condition, likelihood.evaluations,
        best.iterations, converged, tuple(messages), here.u, likelihood,
    )  # fmt: skip


def _polish(
    likelihood: LaplaceLikelihood | QuadratureLikelihood,
    psi: Array,
    here: Evaluation,
    hessian: Array,
    free: Array,
) -> tuple[Array, Evaluation]:
    inverse = positive_inverse(hessian)
    for _ in range(4):
        step = inverse @ here.gradient[free]
        if float(step @ here.gradient[free]) < 1e-16:
            break
        trial = psi.copy()
        trial[free] += step
        there = likelihood.evaluate(trial)
        if there is None or there.objective < here.objective - 1e-9 * abs(here.objective):
            break
        if float(there.gradient[free] @ inverse @ there.gradient[free]) >= float(
            here.gradient[free] @ inverse @ here.gradient[free]
        ):
            break
        psi, here = trial, there
    return psi, likelihood.evaluate(psi) or here


def _invert(hessian: Array) -> tuple[Array | None, float]:
    """Inverse and condition number (largest over smallest eigenvalue); None if not positive definite."""
    values = np.linalg.eigvalsh(hessian)
    condition = float(values[-1] / values[0]) if values[0] != 0 else float("inf")
    scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    scaled = np.linalg.eigvalsh(hessian * scale[:, None] * scale[None, :])
    if not np.isfinite(hessian).all() or scaled[0] <= 1e-13 or (np.diag(hessian) <= 0).any():
        return None, condition
    inverse = np.linalg.inv(hessian)
    return 0.5 * (inverse + inverse.T), condition
