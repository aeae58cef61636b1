"""Expected information of a design: standard errors before any rating is collected.

The joint information of gamma and the random effects, averaged over the random effects' distribution and
over responses, with the random effects then eliminated: I_gg - I_gu D^-1 I_ug. It takes the standard
deviations as known, which costs little where groups are many; `validation` holds it against simulation.
"""

from __future__ import annotations

import numpy as np

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.assemble import Specification
from plural_core.ordinal.joint import JointDensity

Array = np.ndarray
_NODES = 15


def expected_information(spec: Specification, x: Array, gamma: Array, sigma: Array, arrays: ModelArrays) -> Array:
    """Expected information about gamma, shape (p, p).

    Parameters
    ----------
    x : ndarray
        Full model matrix of the design.
    arrays : ModelArrays
        Only weights and groups are used; the responses in it are not.
    """
    link, n = spec.link, len(x)
    n_cuts = len(spec.jacobian)
    designs = [spec.cut_design(x, j) for j in range(n_cuts)]
    cuts = np.column_stack([design @ gamma for design in designs])
    upper = np.zeros((n, n_cuts))  # E[f_j^2 (1/p_j + 1/p_{j+1})]: cut j with itself
    beside = np.zeros((n, n_cuts))  # -E[f_j f_{j-1} / p_j]: cut j with the one below
    shift = np.zeros((n, n_cuts))  # cut j with the random effect
    itself = np.zeros(n)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    total = float(np.sqrt(sigma @ sigma))
    for z, w in zip(nodes, weights / weights.sum(), strict=True):
        ends = np.column_stack([
            np.full(n, -link.end), np.clip(cuts - total * z, -link.end, link.end), np.full(n, link.end),
        ])  # fmt: skip
        p = np.maximum(link.interval(ends[:, 1:], ends[:, :-1]), 1e-300)
        f = link.densities(ends)[0]
        f[:, 0] = f[:, -1] = 0.0
        difference = np.diff(f, axis=1) / p  # (f_j - f_{j-1}) / p_j
        inner = f[:, 1:-1]
        upper += w * inner**2 * (1.0 / p[:, :-1] + 1.0 / p[:, 1:])
        beside[:, 1:] += -w * inner[:, 1:] * inner[:, :-1] / p[:, 1:-1]
        shift += -w * inner * (difference[:, :-1] - difference[:, 1:])
        itself += w * (difference**2 * p).sum(axis=1)
    info = np.zeros((arrays.n_fixed, arrays.n_fixed))
    mixed = np.zeros((n, arrays.n_fixed))
    case = arrays.weights
    for j, design in enumerate(designs):
        info += design.T @ ((case * upper[:, j])[:, None] * design)
        if j:
            cross = design.T @ ((case * beside[:, j])[:, None] * designs[j - 1])
            info += cross + cross.T
        mixed += (case * shift[:, j])[:, None] * design
    if not len(sigma) or total == 0.0:
        return info
    joint = JointDensity(arrays)
    factor = joint.factorise(sigma, case * itself)
    columns = np.column_stack([joint.gather(sigma, mixed[:, a]) for a in range(arrays.n_fixed)])
    solved = np.column_stack([factor.solve(columns[:, a]) for a in range(arrays.n_fixed)])
    return np.asarray(info - columns.T @ solved)
