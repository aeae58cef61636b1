"""Random effects of known groups in new rows: value, derivative in the parameters, conditional variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from plural_core.ordinal.design import group_labels
from plural_core.ordinal.errors import ModelDataError, listing
from plural_core.ordinal.laplace import LaplaceLikelihood
from plural_core.ordinal.linalg import Factor
from plural_core.ordinal.rows import row_terms

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult

Array = np.ndarray


@dataclass(frozen=True)
class KnownEffects:
    """Summed random effect per row: `shift` (n,), `chain` (n, p + k), `variance` (n,)."""

    shift: Array
    chain: Array
    variance: Array


def known_effects(result: CLMMResult, newdata: pd.DataFrame) -> KnownEffects:
    """Conditional modes of the groups in `newdata`, with their uncertainty.

    A group that the fit has not seen contributes zero and its full variance. The variance of the modes given
    the parameters is that of the Gaussian approximation, D^-1; `chain` carries the uncertainty of the
    parameters through the modes (d u^ / d psi = -D^-1 d2 h / du dpsi).
    """
    n, p, k = len(newdata), len(result.spec.names), len(result.sigma)
    shift, chain, variance = np.zeros(n), np.zeros((n, p + k)), np.zeros(n)
    if not k:
        return KnownEffects(shift, chain, variance)
    likelihood = result.solution.likelihood
    assert isinstance(likelihood, LaplaceLikelihood)
    joint = likelihood.joint
    columns = np.full((n, k), -1, dtype=np.int64)
    for t, group in enumerate(result.frame.groups):
        missing = [c for c in group.term.columns if c not in newdata.columns]
        if missing:
            raise ModelDataError(
                f"newdata lacks the grouping column {listing(missing)}; use random='marginal' or 'zero'"
            )
        codes = group.levels.get_indexer(pd.Index(group_labels(newdata, group.term)))
        columns[:, t] = np.where(codes >= 0, codes + joint.blocks[t].start, -1)
        variance += np.where(codes < 0, result.sigma[t] ** 2, 0.0)
    moves, factor = _mode_derivatives(result, likelihood)
    u, sigma = result.solution.u, result.sigma
    seen, inverse = np.unique(columns, axis=0, return_inverse=True)
    at_shift, at_chain, at_variance = np.zeros(len(seen)), np.zeros((len(seen), p + k)), np.zeros(len(seen))
    for row, nodes in enumerate(seen):
        unit = np.zeros(joint.size)
        for t, node in enumerate(nodes):
            if node >= 0:
                unit[node] = sigma[t]
                at_shift[row] += sigma[t] * u[node]
                at_chain[row] += sigma[t] * moves[node]
                at_chain[row, p + t] += u[node]
        if unit.any():
            at_variance[row] = float(unit @ factor.solve(unit))
    flat = inverse.ravel()
    return KnownEffects(at_shift[flat], at_chain[flat], variance + at_variance[flat])


def _mode_derivatives(result: CLMMResult, likelihood: LaplaceLikelihood) -> tuple[Array, Factor]:
    """D u^ / d (gamma, sigma), shape (q, p + k), and the factor of D at the mode."""
    arrays, joint = result.fitted, likelihood.joint
    gamma, sigma, u = result.solution.gamma, result.sigma, result.solution.u
    b = joint.spread(sigma, u)
    c1, c2 = arrays.fixed_ends(gamma)
    terms = row_terms(arrays.link, *arrays.close(c1 - b, c2 - b))
    weights = arrays.weights
    factor = joint.factorise(sigma, weights * terms.w)
    s1 = np.where(arrays.top, 0.0, weights * terms.s1)
    s2 = np.where(arrays.bottom, 0.0, weights * terms.s2)
    p, k = len(result.spec.names), len(sigma)
    out = np.zeros((joint.size, p + k))
    for place, column in enumerate(result.kept):
        mixed = s1 * arrays.b1[:, place] + s2 * arrays.b2[:, place]
        out[:, column] = -factor.solve(joint.gather(sigma, mixed))
    for t, (index, node, block) in enumerate(zip(arrays.index, joint.nodes, joint.blocks, strict=True)):
        rhs = joint.gather(sigma, weights * terms.w * u[node])
        rhs[block] += np.bincount(index, weights=weights * terms.s, minlength=arrays.n_levels[t])
        out[:, p + t] = -factor.solve(rhs)
    return out, factor
