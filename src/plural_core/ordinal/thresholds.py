"""Threshold structures: theta = J alpha, with R's parameters and names.

flexible     alpha = theta
symmetric    thresholds mirror around their centre: central value(s) and spacings
symmetric2   as symmetric, with the centre at zero
equidistant  a first threshold and one spacing
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from plural_core.ordinal.errors import OrdinalError, nearest

THRESHOLDS = ("flexible", "symmetric", "symmetric2", "equidistant")


def threshold_names(levels: Sequence[object]) -> list[str]:
    """Names of the thresholds between neighbouring levels, ``1|2`` and so on."""
    return [f"{a}|{b}" for a, b in pairwise(levels)]


def threshold_jacobian(levels: Sequence[object], structure: str) -> tuple[np.ndarray, list[str]]:
    """Return J (thresholds x parameters) with theta = J alpha, and the names of alpha.

    Parameters
    ----------
    levels : sequence
        Response levels in order, at least two.
    structure : str
        One of `THRESHOLDS`.

    Raises
    ------
    OrdinalError
        Unknown structure, or a structured threshold asked for a response with two levels.
    """
    if structure not in THRESHOLDS:
        raise OrdinalError(
            f"threshold '{structure}' is not one of {', '.join(THRESHOLDS)}.{nearest(structure, THRESHOLDS)}"
        )
    n = len(levels) - 1
    if structure == "flexible":
        return np.eye(n), threshold_names(levels)
    if n < 2:
        raise OrdinalError(
            f"{structure} thresholds need a response with three or more levels; this one has {n + 1}. "
            "Use threshold='flexible'."
        )
    if structure == "equidistant":
        return np.column_stack([np.ones(n), np.arange(n, dtype=float)]), ["threshold.1", "spacing"]
    half = n // 2
    centred = np.zeros((n, half))
    for k in range(half):
        centred[half - 1 - k, k] = -1.0
        centred[n - half + k, k] = 1.0
    spacings = [f"spacing.{k + 1}" for k in range(half)]
    if structure == "symmetric2":
        return centred, spacings
    if n % 2:
        return np.column_stack([np.ones(n), centred]), ["central", *spacings]
    # Even number of thresholds: the two central ones are free, spacings count from them outwards.
    lower = np.repeat([1.0, 0.0], half)
    jacobian = np.column_stack([lower, 1.0 - lower, centred[:, 1:]])
    return jacobian, ["central.1", "central.2", *spacings[: half - 1]]
