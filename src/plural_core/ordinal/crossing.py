"""Whether the thresholds of every row stay in order where effects are threshold-specific.

With one effect per covariate the cut points of a row are shifted together and cannot cross. With threshold-specific
effects each group has cut points of its own, and a category that a group never used leaves nothing between two of
them: the likelihood then goes on rising where they cross, with a negative probability for that category.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from plural_core.ordinal.assemble import Specification
from plural_core.ordinal.design import ModelFrame
from plural_core.ordinal.errors import listing
from plural_core.ordinal.separation import Limit

Array = np.ndarray
_TOL = 1e-6


def order_rows(spec: Specification, x: Array) -> Array:
    """Rows A with A gamma = distances of neighbouring cut points, for every pattern of threshold-specific columns.

    Parameters
    ----------
    x : ndarray, shape (n, columns)
        Full model matrix.

    Returns
    -------
    ndarray, shape (patterns x (J - 2), p)
    """
    _, first = np.unique(x[:, spec.nominal], axis=0, return_index=True)
    cuts = [spec.cut_design(x[first], j) for j in range(len(spec.jacobian))]
    gaps = [upper - lower for lower, upper in pairwise(cuts)]
    return np.vstack(gaps) if gaps else np.zeros((0, len(spec.names)))


def unused_between(frame: ModelFrame, nominal: list[int]) -> str | None:
    """Say which group used a category above and one below, but never one between; None if there is none.

    Only groups with cut points of their own count: all columns in `nominal` are 0/1 and tell the groups apart
    without a constraint between them (one factor, or a full interaction).
    """
    columns = frame.x[:, nominal]
    patterns, which = np.unique(columns, axis=0, return_inverse=True)
    if not np.isin(patterns, (0.0, 1.0)).all() or len(patterns) != len(nominal) + 1:
        return None
    for k, pattern in enumerate(patterns):
        seen = np.unique(frame.y[which.ravel() == k])
        unused = sorted(set(range(seen[0], seen[-1])) - set(seen.tolist()))
        if unused:
            marked = [frame.names[j] for j, used in zip(nominal, pattern, strict=True) if used]
            who = f"'{':'.join(marked)}'" if marked else "the reference level"
            missing = listing([frame.levels[c] for c in unused])
            return (
                f"threshold-specific effects cannot be fitted: {who} has no rating of {missing}, but lower and higher"
                " ones, so its thresholds there have no distance; merge these categories or leave the level out"
            )
    return None


def crossed(spec: Specification, x: Array, gamma: Array, limit: Limit | None) -> str | None:
    """Say how many patterns of the data have thresholds out of order; None if there are none.

    Parameters
    ----------
    gamma : ndarray, shape (p,)
        All parameters, those that run to infinity as zero.
    limit : Limit or None
        Where those run.
    """
    rows = order_rows(spec, x)
    wrong = rows @ gamma < -_TOL
    if limit is not None:
        wrong &= rows @ limit.direction <= _TOL
    if not wrong.any():
        return None
    n = int(wrong.reshape(len(spec.jacobian) - 1, -1).any(axis=0).sum())
    names = [spec.names[j] for j in range(len(spec.alpha_names), spec.n_alpha)]
    return (
        f"thresholds cross for {n} pattern{'s' if n > 1 else ''} of the columns with threshold-specific effects"
        f" ({listing(names, 4)}): some probabilities there are negative, so do not use this fit for them"
    )
