"""Laplace approximation of the log-likelihood, with its exact gradient.

l = -h(u^) - log|D| / 2 at the mode u^ of h. For any parameter, by the chain rule through u^,

    dl = -dh - tr(D^-1 dD) / 2 - tr(D^-1 dD/du du^/dpsi) / 2,    du^/dpsi = -D^-1 d2h/du dpsi.

Both traces need D^-1 only where D has entries. With g_i = z_i' Lambda D^-1 Lambda z_i and
v = Lambda Z'(g dW/db), the last trace is v' du^/dpsi, so that a single adjoint solve D^-1 v serves every
parameter at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.joint import JointDensity, Mode
from plural_core.ordinal.linalg import Factor, NotPositiveDefiniteError
from plural_core.ordinal.rows import RowTerms, row_hessian, row_terms

Array = np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """Log-likelihood (penalty included in `objective`), gradient and mode at one parameter vector."""

    objective: float
    loglik: float
    gradient: Array
    u: Array


class LaplaceLikelihood:
    """Log-likelihood of a model with at least one random term, as a function of psi = (gamma, sigma).

    Standard deviations enter as they are, without a transformation: the likelihood is an even function of
    each, so zero is an ordinary point with zero slope and a variance at zero needs no bound.
    """

    def __init__(self, arrays: ModelArrays) -> None:
        self.arrays = arrays
        self.joint = JointDensity(arrays)
        self.u = np.zeros(self.joint.size)
        self.evaluations = 0

    def split(self, psi: Array) -> tuple[Array, Array]:
        """Split psi into gamma and sigma."""
        p = self.arrays.n_fixed
        return psi[:p], psi[p:]

    def _mode(self, psi: Array) -> tuple[Mode, tuple[Array, Array]]:
        gamma, sigma = self.split(psi)
        fixed = self.arrays.fixed_ends(gamma)
        # Warm start. A link that is not log-concave may have several modes; starting near the last one keeps
        # the function smooth along the path of the optimiser.
        return self.joint.find_mode(fixed, sigma, self.u), fixed

    def evaluate(self, psi: Array) -> Evaluation | None:
        """Evaluate at psi; None where the likelihood is not defined (thresholds out of order, no mode)."""
        self.evaluations += 1
        arrays, joint, weights = self.arrays, self.joint, self.arrays.weights
        gamma, sigma = self.split(psi)
        mode, (c1, c2) = self._mode(psi)
        if not mode.converged:
            return None
        terms = row_terms(arrays.link, *arrays.close(c1 - mode.b, c2 - mode.b))
        try:
            factor = joint.factorise(sigma, weights * terms.w)
        except NotPositiveDefiniteError:
            return None
        joint.factor = factor
        self.u = mode.u
        loglik = -mode.h - 0.5 * factor.logdet
        gradient = self._gradient(sigma, mode, terms, factor)
        penalty = 0.5 * float(arrays.precision @ (gamma * gamma))
        gradient[: arrays.n_fixed] -= arrays.precision * gamma
        return Evaluation(loglik - penalty, loglik, gradient, mode.u)

    def _gradient(self, sigma: Array, mode: Mode, terms: RowTerms, factor: Factor) -> Array:
        arrays, joint, weights = self.arrays, self.joint, self.arrays.weights
        inverse = factor.inverse()
        # cov_k[i]: the entry of Lambda D^-1 z_i ... in block k, i.e. sum_l sigma_l D^-1[k, l] at rating i.
        cov = [np.zeros(len(weights)) for _ in sigma]
        for k, node in enumerate(joint.nodes):
            cov[k] += sigma[k] * inverse[joint.plan.diag[node]]
        for (k, m), cell in joint.cells.items():
            at_cell = inverse[cell]
            cov[k] += sigma[m] * at_cell
            cov[m] += sigma[k] * at_cell
        g = sum((sigma[k] * cov[k] for k in range(len(sigma))), np.zeros(len(weights)))
        dw_db = -(terms.w1 + terms.w2)
        adjoint = factor.solve(joint.gather(sigma, weights * g * dw_db))
        pull = joint.spread(sigma, adjoint)  # Z Lambda D^-1 v
        on_upper = weights * (terms.l1 - 0.5 * g * terms.w1 + 0.5 * pull * terms.s1)
        on_lower = weights * (terms.l2 - 0.5 * g * terms.w2 + 0.5 * pull * terms.s2)
        on_upper[arrays.top] = 0.0
        on_lower[arrays.bottom] = 0.0
        out = np.empty(arrays.n_fixed + len(sigma))
        out[: arrays.n_fixed] = arrays.b1.T @ on_upper + arrays.b2.T @ on_lower
        on_shift = weights * (-terms.s - 0.5 * g * dw_db + 0.5 * pull * terms.w)
        for k, node in enumerate(joint.nodes):
            out[arrays.n_fixed + k] = float(
                on_shift @ mode.u[node] - (weights * terms.w) @ cov[k] + 0.5 * (weights * terms.s) @ adjoint[node]
            )
        return out

    def joint_information(self, psi: Array) -> Array:
        """Information about gamma with u profiled out of the joint density: H_gg - H_gu D^-1 H_ug.

        A close and cheap stand-in for the Hessian of the Laplace likelihood in gamma (sigma held fixed),
        used to scale the optimiser; never for standard errors.
        """
        arrays, joint, weights = self.arrays, self.joint, self.arrays.weights
        _, sigma = self.split(psi)
        mode, (c1, c2) = self._mode(psi)
        terms = row_terms(arrays.link, *arrays.close(c1 - mode.b, c2 - mode.b))
        h11, h12, h22 = (weights * part for part in row_hessian(terms))
        h11[arrays.top] = h12[arrays.top] = 0.0
        h22[arrays.bottom] = h12[arrays.bottom] = 0.0
        b1, b2 = arrays.b1, arrays.b2
        cross = b1.T @ (h12[:, None] * b2)
        info = -(b1.T @ (h11[:, None] * b1) + b2.T @ (h22[:, None] * b2) + cross + cross.T)
        s1, s2 = weights * terms.s1, weights * terms.s2
        s1[arrays.top] = 0.0
        s2[arrays.bottom] = 0.0
        mixed = s1[:, None] * b1 + s2[:, None] * b2
        columns = np.column_stack([joint.gather(sigma, mixed[:, j]) for j in range(arrays.n_fixed)])
        factor = joint.factorise(sigma, weights * np.where(terms.w > 0.0, terms.w, terms.s**2))
        solved = np.column_stack([factor.solve(columns[:, j]) for j in range(arrays.n_fixed)])
        return np.asarray(info - columns.T @ solved + np.diag(arrays.precision))

    def conditional_variance(self, psi: Array) -> Array:
        """Diagonal of D^-1 at the mode, shape (q,): the conditional variances of u."""
        _, sigma = self.split(psi)
        mode, (c1, c2) = self._mode(psi)
        terms = row_terms(self.arrays.link, *self.arrays.close(c1 - mode.b, c2 - mode.b))
        factor = self.joint.factorise(sigma, self.arrays.weights * terms.w)
        return np.asarray(factor.inverse()[self.joint.plan.diag])
