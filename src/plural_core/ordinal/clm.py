"""The cumulative link model without random terms: log-likelihood, gradient, Hessian, Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.laplace import Evaluation
from plural_core.ordinal.rows import log_probability, row_hessian, row_terms

Array = np.ndarray


@dataclass(frozen=True)
class NewtonFit:
    """Where Newton's method ended: gamma, objective, gradient, Hessian of minus the objective, steps."""

    gamma: Array
    objective: float
    gradient: Array
    hessian: Array
    steps: int
    converged: bool


class FixedLikelihood:
    """Log-likelihood of gamma with an optional fixed offset b per rating (no random terms)."""

    def __init__(self, arrays: ModelArrays) -> None:
        self.arrays = arrays
        self.evaluations = 0

    def objective(self, gamma: Array) -> float:
        """Penalised log-likelihood, -inf where thresholds are out of order."""
        arrays = self.arrays
        logp = log_probability(arrays.link, *arrays.close(*arrays.fixed_ends(gamma)))
        return float(_dot(arrays.weights, logp) - 0.5 * (arrays.precision @ (gamma * gamma)))

    def evaluate(self, psi: Array) -> Evaluation | None:
        """Objective and gradient; None where the likelihood is not defined."""
        self.evaluations += 1
        value, gradient, _ = self._derivatives(psi, hessian=False)
        if not np.isfinite(value):
            return None
        penalty = 0.5 * float(self.arrays.precision @ (psi * psi))
        return Evaluation(value, value + penalty, gradient, np.zeros(0))

    def hessian(self, gamma: Array) -> Array:
        """Hessian of minus the penalised log-likelihood."""
        return self._derivatives(gamma, hessian=True)[2]

    def _derivatives(self, gamma: Array, *, hessian: bool) -> tuple[float, Array, Array]:
        arrays, weights = self.arrays, self.arrays.weights
        terms = row_terms(arrays.link, *arrays.close(*arrays.fixed_ends(gamma)))
        upper, lower = weights * terms.l1, weights * terms.l2
        upper[arrays.top] = 0.0
        lower[arrays.bottom] = 0.0
        b1, b2 = arrays.b1, arrays.b2
        gradient = b1.T @ upper + b2.T @ lower - arrays.precision * gamma
        value = float(_dot(weights, terms.logp) - 0.5 * (arrays.precision @ (gamma * gamma)))
        if not hessian:
            return value, gradient, np.zeros((0, 0))
        h11, h12, h22 = (weights * part for part in row_hessian(terms))
        h11[arrays.top] = h12[arrays.top] = 0.0
        h22[arrays.bottom] = h12[arrays.bottom] = 0.0
        cross = b1.T @ (h12[:, None] * b2)
        second = b1.T @ (h11[:, None] * b1) + b2.T @ (h22[:, None] * b2) + cross + cross.T
        return value, gradient, np.diag(arrays.precision) - second

    def newton(self, start: Array, max_steps: int = 60) -> NewtonFit:
        """Maximise by Newton's method with step halving; the Hessian is lifted where it is indefinite."""
        gamma = start
        value, gradient, hessian = self._derivatives(gamma, hessian=True)
        converged = False
        steps = 0
        for _ in range(max_steps):
            steps += 1
            step = _lifted_solve(hessian, gradient)
            decrement = float(gradient @ step)
            scale = 1.0
            while scale > 1e-10:
                trial = gamma + scale * step
                if self.objective(trial) >= value - 1e-12 * abs(value):
                    break
                scale *= 0.5
            else:
                break
            gamma = trial
            value, gradient, hessian = self._derivatives(gamma, hessian=True)
            if decrement < 1e-16 * (1.0 + abs(value)):
                converged = True
                break
        return NewtonFit(gamma, value, gradient, hessian, steps, converged)


def start_gamma(arrays: ModelArrays, jacobian: Array) -> Array:
    """Thresholds spread evenly on the latent scale (valid for every structure), effects at zero."""
    n_thresholds = jacobian.shape[0]
    theta = arrays.link.quantile(np.arange(1, n_thresholds + 1) / (n_thresholds + 1.0))
    if n_thresholds > 1:
        theta = np.linspace(theta[0], theta[-1], n_thresholds)
    alpha = np.linalg.lstsq(jacobian, theta, rcond=None)[0]
    gamma = np.zeros(arrays.n_fixed)
    gamma[: len(alpha)] = alpha
    return gamma


def _dot(weights: Array, logp: Array) -> float:
    # A weight of zero times log 0 must be zero.
    return float(weights @ np.where(weights > 0, logp, 0.0))


def _lifted_solve(hessian: Array, gradient: Array) -> Array:
    """Newton step with eigenvalues of the Hessian replaced by their absolute values, floored."""
    values, vectors = np.linalg.eigh(hessian)
    floor = 1e-10 * max(1.0, float(np.abs(values).max()))
    values = np.maximum(np.abs(values), floor)
    return np.asarray(vectors @ ((vectors.T @ gradient) / values))
