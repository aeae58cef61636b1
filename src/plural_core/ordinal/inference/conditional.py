"""Random effects of known groups in new rows: value, derivative in the parameters, conditional variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from plural_core.ordinal.columns import group_labels
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


def known_effects(result: CLMMResult, newdata: pd.DataFrame, *, errors: bool) -> KnownEffects:
    """Conditional modes of the groups in `newdata`, with their uncertainty if `errors`.

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
    u, sigma = result.solution.u, result.sigma
    nodes = np.full((n, k), -1, dtype=np.int64)
    for t, group in enumerate(result.frame.groups):
        missing = [c for c in group.term.columns if c not in newdata.columns]
        if missing:
            raise ModelDataError(
                f"newdata lacks the grouping column {listing(missing)}; use random='marginal' or 'zero'"
            )
        codes = group.levels.get_indexer(pd.Index(group_labels(newdata, group.term)))
        nodes[:, t] = np.where(codes >= 0, codes + likelihood.joint.blocks[t].start, -1)
        shift += np.where(codes >= 0, sigma[t] * u[nodes[:, t]], 0.0)
    if not errors:
        return KnownEffects(shift, chain, variance)
    moves, factor = _mode_derivatives(result, likelihood)
    for t in range(k):
        known = nodes[:, t] >= 0
        variance[~known] += sigma[t] ** 2
        chain[known] += sigma[t] * moves[nodes[known, t]]
        chain[known, p + t] += u[nodes[known, t]]
    return KnownEffects(shift, chain, variance + _mode_variance(likelihood, factor, sigma, nodes))


def _mode_variance(likelihood: LaplaceLikelihood, factor: Factor, sigma: Array, nodes: Array) -> Array:
    """Z' Lambda D^-1 Lambda z per row; `nodes` (n, k) holds positions in u, -1 for none.

    Read off the inverse where its entries are at hand (groups that met in the data, as a rule); one solve
    for every other combination.
    """
    seen, inverse = np.unique(nodes, axis=0, return_inverse=True)
    plan, z = likelihood.joint.plan, factor.inverse()
    out = np.zeros(len(seen))
    at_hand = np.ones(len(seen), dtype=bool)
    for t in range(nodes.shape[1]):
        i = seen[:, t]
        out[i >= 0] += sigma[t] ** 2 * z[plan.diag[i[i >= 0]]]
        for s in range(t):
            both = np.flatnonzero((i >= 0) & (seen[:, s] >= 0))
            held = plan.holds(i[both], seen[both, s])
            at_hand[both[~held]] = False
            there = both[held]
            out[there] += 2.0 * sigma[t] * sigma[s] * z[plan.slots(i[there], seen[there, s])]
    for row in np.flatnonzero(~at_hand):
        unit = np.zeros(likelihood.joint.size)
        used = seen[row] >= 0
        unit[seen[row][used]] = sigma[used]
        out[row] = float(unit @ factor.solve(unit))
    return np.asarray(out[inverse.ravel()])


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
