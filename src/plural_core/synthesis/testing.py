"""Tests around pooled effects: equivalence by two one-sided tests, and Holm's adjustment."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from plural_core.synthesis.checks import FloatArray, degrees_of_freedom
from plural_core.synthesis.errors import SynthesisError
from plural_core.synthesis.inference import critical


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests (TOST).

    Attributes
    ----------
    estimate, std_error : float
        As given.
    margin : float
        The effect counts as none if it lies within ± this.
    p_lower, p_upper : float
        One-sided p-values against an effect of −margin or less, and of margin or more.
    p_value : float
        The larger of the two.
    ci_low, ci_high : float
        The interval of level 1 − 2 alpha; inside the margins exactly when `equivalent`.
    equivalent : bool
        p_value < alpha. False is no evidence of a difference.
    alpha : float
        Level of the test.
    """

    estimate: float
    std_error: float
    margin: float
    p_lower: float
    p_upper: float
    p_value: float
    ci_low: float
    ci_high: float
    equivalent: bool
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row with every attribute."""
        return pd.DataFrame([asdict(self)])


def tost(
    estimate: float, std_error: float, *, margin: float, alpha: float = 0.05, df: float | None = None
) -> Equivalence:
    """Test whether an effect is equivalent to none (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15, 657-680).

    Parameters
    ----------
    estimate, std_error, margin : float
        In one unit; std_error and margin positive.
    alpha : float
        Level of the test, below 0.5.
    df : float, optional
        Degrees of freedom of Student's t; normal distribution by default.

    Raises
    ------
    SynthesisError
        Missing values, a standard error or margin that is not positive, alpha outside (0, 0.5).
    """
    if not math.isfinite(estimate):
        raise SynthesisError(f"An equivalence test needs a finite estimate; got {estimate}.")
    for name, value in (("std_error", std_error), ("margin", margin)):
        if not (math.isfinite(value) and value > 0):
            raise SynthesisError(f"{name} must be a positive number; got {value}.")
    if not 0 < alpha < 0.5:
        raise SynthesisError(f"alpha must lie between 0 and 0.5; got {alpha}.")
    checked = degrees_of_freedom(df)
    dist = stats.norm() if checked is None else stats.t(checked)
    p_lower = float(dist.sf((estimate + margin) / std_error))
    p_upper = float(dist.cdf((estimate - margin) / std_error))
    p_value = max(p_lower, p_upper)
    half = critical(1 - 2 * alpha, df) * std_error
    return Equivalence(
        estimate=float(estimate),
        std_error=float(std_error),
        margin=float(margin),
        p_lower=p_lower,
        p_upper=p_upper,
        p_value=p_value,
        ci_low=estimate - half,
        ci_high=estimate + half,
        equivalent=p_value < alpha,
        alpha=float(alpha),
    )


def holm(p_values: ArrayLike) -> FloatArray:
    """Return p-values adjusted by Holm's step-down procedure (1979, Scand. J. Stat. 6, 65-70).

    Parameters
    ----------
    p_values : array_like, shape (m,)
        One family of tests, each in [0, 1]. NaN marks a test that was not made: it stays NaN and is not counted.

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    SynthesisError
        A value outside [0, 1], or another shape.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise SynthesisError(f"p_values must be one-dimensional; its shape is {p.shape}.")
    outside = np.flatnonzero((p < 0) | (p > 1))
    if outside.size:
        raise SynthesisError(f"p_values[{outside[0]}] is {p[outside[0]]}: a p-value lies between 0 and 1.")
    made = np.flatnonzero(~np.isnan(p))
    rising = made[np.argsort(p[made], kind="stable")]
    steps = p[rising] * np.arange(rising.size, 0, -1)
    adjusted = np.full(p.shape, np.nan)
    adjusted[rising] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
