"""Adaptive Gauss-Hermite quadrature for one scalar random term, with its exact gradient.

Given gamma and sigma the groups are independent. With mode u^ and curvature D of a group's h, nodes
u_k = u^ + z_k / sqrt(D) and weights v_k of the probabilists' rule,

    l_g = -log(D)/2 + log sum_k v_k exp(z_k^2 / 2 - h(u_k)),   sum_k v_k = 1.

One node is the Laplace approximation. The gradient follows the nodes, which move with u^ and D.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.laplace import Evaluation, LaplaceLikelihood
from plural_core.ordinal.linalg import NotPositiveDefiniteError
from plural_core.ordinal.rows import log_probability, row_terms

Array = np.ndarray


class QuadratureLikelihood(LaplaceLikelihood):
    """Log-likelihood by adaptive quadrature with `n_nodes` nodes; parameters as `LaplaceLikelihood`."""

    def __init__(self, arrays: ModelArrays, n_nodes: int) -> None:
        super().__init__(arrays)
        nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
        self.nodes = nodes
        self.log_weights = np.log(weights / weights.sum()) + 0.5 * nodes**2

    def evaluate(self, psi: Array) -> Evaluation | None:
        """Evaluate at psi; None where the likelihood is not defined."""
        self.evaluations += 1
        arrays, joint, weights = self.arrays, self.joint, self.arrays.weights
        gamma, sigma_vector = self.split(psi)
        sigma = float(sigma_vector[0])
        mode, (c1, c2) = self._mode(psi)
        if not mode.converged:
            return None
        terms = row_terms(arrays.link, *arrays.close(c1 - mode.b, c2 - mode.b))
        try:
            joint.factor = joint.factorise(sigma_vector, weights * terms.w)
        except NotPositiveDefiniteError:
            return None
        self.u = mode.u
        index = arrays.index[0]
        curvature = 1.0 + sigma**2 * self._sum(weights * terms.w)
        u, root = mode.u, np.sqrt(curvature)

        # How mode and curvature of each group move with (gamma, sigma): rows are groups.
        open_upper, open_lower = (~arrays.top).astype(float), (~arrays.bottom).astype(float)

        def columns(on_upper: Array, on_lower: Array) -> Array:
            """Per rating: derivative in gamma of a quantity with these derivatives in the two ends."""
            return np.asarray(
                (on_upper * open_upper)[:, None] * arrays.b1 + (on_lower * open_lower)[:, None] * arrays.b2
            )

        slope = self._sum(weights * terms.s)
        dw_db = -(terms.w1 + terms.w2)
        hu_gamma = sigma * self._rows(columns(weights * terms.s1, weights * terms.s2))
        hu_sigma = slope + sigma * u * self._sum(weights * terms.w)
        du = -np.column_stack([hu_gamma, hu_sigma]) / curvature[:, None]
        d_gamma = sigma**2 * self._rows(columns(weights * terms.w1, weights * terms.w2))
        d_sigma = 2.0 * sigma * self._sum(weights * terms.w) + sigma**2 * u * self._sum(weights * dw_db)
        d_u = sigma**3 * self._sum(weights * dw_db)
        dd = np.column_stack([d_gamma, d_sigma]) + d_u[:, None] * du

        log_terms = np.empty((len(self.nodes), len(u)))
        moves = []
        for k, node in enumerate(self.nodes):
            at = u + node / root
            b = sigma * at[index]
            a1, a2 = arrays.close(c1 - b, c2 - b)
            logp = log_probability(arrays.link, a1, a2)
            log_terms[k] = self.log_weights[k] + self._sum(weights * logp) - 0.5 * at * at
            there = row_terms(arrays.link, a1, a2)
            in_gamma = self._rows(columns(weights * there.l1, weights * there.l2))
            in_shift = -self._sum(weights * there.s)
            moved = du - 0.5 * (node / (root * curvature))[:, None] * dd
            direct = np.column_stack([in_gamma, in_shift * at])
            moves.append(direct + (sigma * in_shift - at)[:, None] * moved)
        per_group = logsumexp(log_terms, axis=0) - 0.5 * np.log(curvature)
        share = np.exp(log_terms - logsumexp(log_terms, axis=0))
        gradient = -0.5 * (dd / curvature[:, None]).sum(axis=0)
        for k, move in enumerate(moves):
            gradient = gradient + share[k] @ move
        loglik = float(per_group.sum())
        if not np.isfinite(loglik):
            return None
        penalty = 0.5 * float(arrays.precision @ (gamma * gamma))
        gradient[: arrays.n_fixed] -= arrays.precision * gamma
        return Evaluation(loglik - penalty, loglik, gradient, mode.u)

    def _sum(self, values: Array) -> Array:
        return np.bincount(self.arrays.index[0], weights=values, minlength=self.arrays.n_levels[0])

    def _rows(self, matrix: Array) -> Array:
        return np.column_stack([self._sum(matrix[:, j]) for j in range(matrix.shape[1])])
