"""The outer optimiser: BFGS from a good first guess of the curvature, and the final Hessian.

The exact gradient costs about as much as the value, so a quasi-Newton method is right. Started from the
joint information matrix (see `LaplaceLikelihood.joint_information`) it needs some ten evaluations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plural_core.ordinal.laplace import Evaluation

Array = np.ndarray
Objective = Callable[[Array], Evaluation | None]

_DECREMENT = 1e-10  # expected gain in log-likelihood below which the search stops


@dataclass(frozen=True)
class Optimum:
    """Where the search ended.

    `psi`, its `evaluation`, the number of `iterations` and whether the expected further gain in
    log-likelihood (half the Newton decrement) is negligible.
    """

    psi: Array
    evaluation: Evaluation
    iterations: int
    converged: bool


def positive_inverse(hessian: Array) -> Array:
    """Inverse of a symmetric matrix with its eigenvalues made positive and kept away from zero."""
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-12))
    values, vectors = np.linalg.eigh(hessian * scale[:, None] * scale[None, :])
    values = np.maximum(np.abs(values), 1e-6 * max(float(np.abs(values).max()), 1e-6))
    return np.asarray((vectors / values) @ vectors.T * scale[:, None] * scale[None, :])


def maximise(
    objective: Objective,
    start: Array,
    inverse_hessian: Array,
    *,
    max_iterations: int = 200,
    first: Evaluation | None = None,
) -> Optimum | None:
    """Maximise `objective` by BFGS with backtracking; None if the start is not a valid point.

    Parameters
    ----------
    objective : callable
        Returns an `Evaluation`, or None outside the domain.
    start : ndarray, shape (p,)
        First point.
    inverse_hessian : ndarray, shape (p, p)
        Positive definite first guess of the inverse Hessian of minus the objective.
    first : Evaluation, optional
        The objective at `start`, if known.
    """
    psi = start
    here = first if first is not None else objective(psi)
    if here is None:
        return None
    h = inverse_hessian.copy()
    reset = inverse_hessian
    fresh = True
    iteration = 0
    for iteration in range(1, max_iterations + 1):
        step = h @ here.gradient
        gain = float(step @ here.gradient)
        if gain < 2.0 * _DECREMENT:
            return Optimum(psi, here, iteration, True)
        # No component may run away in one step: thresholds would cross, exponentials overflow.
        longest = float(np.abs(step).max())
        scale = min(1.0, 5.0 / longest)
        there = None
        for _ in range(40):
            candidate = objective(psi + scale * step)
            floor = here.objective + 1e-4 * scale * gain - 1e-12 * abs(here.objective)
            if candidate is not None and candidate.objective >= floor:
                there = candidate
                break
            if candidate is None:
                scale *= 0.25
            else:
                # Maximum of the parabola through both values and the slope.
                lost = here.objective + scale * gain - candidate.objective
                scale *= float(np.clip(0.5 * scale * gain / lost, 0.1, 0.5))
        if there is None:
            if fresh:
                return Optimum(psi, here, iteration, gain < 1e-6)
            h, fresh = reset.copy(), True
            continue
        moved = scale * step
        change = here.gradient - there.gradient
        curvature = float(moved @ change)
        psi, here, fresh = psi + moved, there, False
        if curvature > 1e-10 * float(np.linalg.norm(moved) * np.linalg.norm(change)):
            hy = h @ change
            h = (
                h
                + (1.0 + float(change @ hy) / curvature) * np.outer(moved, moved) / curvature
                - (np.outer(hy, moved) + np.outer(moved, hy)) / curvature
            )
    return Optimum(psi, here, iteration, False)


def difference_hessian(
    objective: Objective,
    psi: Array,
    steps: Array,
    columns: Array | None = None,
    here: Evaluation | None = None,
) -> Array | None:
    """Hessian of minus the objective by differences of the exact gradient.

    Parameters
    ----------
    steps : ndarray, shape (p,)
        Step per parameter; a thousandth of a standard error balances truncation and rounding.
    columns : ndarray of int, optional
        Only these columns (the result is then p x len(columns), not symmetrised).
    here : Evaluation, optional
        The objective at `psi`: then differences are one-sided, at half the cost. Central without.

    Returns
    -------
    ndarray or None
        None if a neighbouring point lies outside the domain.
    """
    wanted = np.arange(len(psi)) if columns is None else columns
    out = np.empty((len(psi), len(wanted)))
    for place, j in enumerate(wanted):
        offset = np.zeros(len(psi))
        offset[j] = steps[j]
        up = objective(psi + offset)
        down = objective(psi - offset) if here is None else here
        if up is None or down is None:
            return None
        out[:, place] = (down.gradient - up.gradient) / ((2.0 if here is None else 1.0) * steps[j])
    return out if columns is not None else 0.5 * (out + out.T)
