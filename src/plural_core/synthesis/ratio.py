"""Fieller's interval for the ratio of two estimates, such as "53 % greater"."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from plural_core.synthesis.checks import FloatArray, degrees_of_freedom, probability
from plural_core.synthesis.errors import SynthesisError
from plural_core.synthesis.inference import critical

Shape = Literal["bounded", "half_line", "two_rays", "whole_line"]


@dataclass(frozen=True)
class RatioInterval:
    """A ratio and its Fieller confidence set.

    Attributes
    ----------
    ratio : float
        Numerator over denominator; NaN if the denominator is 0.
    ci_low, ci_high : float
        Ends of the set, infinite where it has none.
    shape : {"bounded", "half_line", "two_rays", "whole_line"}
        "two_rays": everything but the open gap (`gap_low`, `gap_high`). "whole_line": the data exclude no ratio.
    gap_low, gap_high : float
        Ends of the ratios that are excluded between two rays; NaN otherwise.
    level : float
        Coverage.
    """

    ratio: float
    ci_low: float
    ci_high: float
    shape: Shape
    gap_low: float
    gap_high: float
    level: float

    @property
    def bounded(self) -> bool:
        """Whether the interval has two finite ends."""
        return self.shape == "bounded"

    def contains(self, value: float) -> bool:
        """Return whether a ratio lies in the confidence set."""
        if self.shape == "two_rays":
            return value <= self.gap_low or value >= self.gap_high
        return self.ci_low <= value <= self.ci_high

    def describe(self) -> str:
        """Return one sentence that says the ratio, the set, and whether it is unbounded."""
        level = f"{100 * self.level:g} %"
        start = "The ratio is not defined" if math.isnan(self.ratio) else f"Ratio {self.ratio:.3g}"
        why = "because the denominator may be zero"
        if self.shape == "bounded":
            return f"{start}, {level} interval {self.ci_low:.3g} to {self.ci_high:.3g}."
        if self.shape == "half_line":
            ends = f"{self.ci_low:.3g} or more" if math.isfinite(self.ci_low) else f"{self.ci_high:.3g} or less"
            return f"{start}; the {level} interval is unbounded ({ends}) {why}."
        if self.shape == "two_rays":
            ends = f"{self.gap_low:.3g} or less, or {self.gap_high:.3g} or more"
            return f"{start}; the {level} interval is unbounded ({ends}) {why}."
        return f"{start}; the {level} interval is unbounded (every ratio is compatible with the data) {why}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row with every attribute and `bounded`."""
        return pd.DataFrame([{**asdict(self), "bounded": self.bounded}])


def fieller_ratio(
    numerator: float,
    denominator: float,
    covariance: ArrayLike,
    *,
    level: float = 0.95,
    df: float | None = None,
) -> RatioInterval:
    """Return the ratio of two estimates with Fieller's confidence set.

    Parameters
    ----------
    numerator, denominator : float
        The two estimates, in the same unit.
    covariance : array_like, shape (2, 2)
        Their covariance, numerator first; symmetric and positive semi-definite.
    level : float
        Coverage, between 0 and 1.
    df : float, optional
        Degrees of freedom of Student's t; normal quantiles by default.

    Returns
    -------
    RatioInterval
        All θ with (n − θd)² <= c² Var(n − θd) (Fieller 1954, J. R. Stat. Soc. B 16, 175-185). It is bounded exactly
        when the denominator differs from 0 at this level.

    Raises
    ------
    SynthesisError
        Values that are missing, or a matrix that is no covariance.
    """
    n, d = float(numerator), float(denominator)
    if not (math.isfinite(n) and math.isfinite(d)):
        raise SynthesisError(f"A ratio needs two finite estimates; got {n} over {d}.")
    matrix = _covariance(covariance)
    c2 = critical(probability(level, "level"), degrees_of_freedom(df)) ** 2
    # aθ² − 2bθ + c <= 0
    a = d * d - c2 * float(matrix[1, 1])
    b = n * d - c2 * float(matrix[0, 1])
    c = n * n - c2 * float(matrix[0, 0])
    ratio = n / d if d != 0 else math.nan
    discriminant = b * b - a * c
    nan = math.nan
    if a > 0:
        low, high = _roots(a, b, c, max(discriminant, 0.0))
        return RatioInterval(ratio, low, high, "bounded", nan, nan, level)
    if a == 0 and b != 0:
        end = c / (2 * b)
        low, high = (end, math.inf) if b > 0 else (-math.inf, end)
        return RatioInterval(ratio, low, high, "half_line", nan, nan, level)
    if a < 0 and discriminant > 0:
        gap_low, gap_high = _roots(a, b, c, discriminant)
        return RatioInterval(ratio, -math.inf, math.inf, "two_rays", gap_low, gap_high, level)
    return RatioInterval(ratio, -math.inf, math.inf, "whole_line", nan, nan, level)


def _roots(a: float, b: float, c: float, discriminant: float) -> tuple[float, float]:
    """Return the ordered roots of ax² − 2bx + c; the sign of the root is b's, so that nothing cancels."""
    stable = b + math.copysign(math.sqrt(discriminant), b)
    if stable == 0:
        return 0.0, 0.0
    first, second = stable / a, c / stable
    return min(first, second), max(first, second)


def _covariance(covariance: ArrayLike) -> FloatArray:
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (2, 2) or not np.all(np.isfinite(matrix)):
        raise SynthesisError(f"covariance must be a finite 2 x 2 matrix; its shape is {matrix.shape}.")
    limit = math.sqrt(abs(float(matrix[0, 0] * matrix[1, 1]))) * (1 + 1e-9)
    symmetric = math.isclose(float(matrix[0, 1]), float(matrix[1, 0]), rel_tol=1e-9, abs_tol=1e-12 * limit)
    if matrix[0, 0] < 0 or matrix[1, 1] < 0 or not symmetric or abs(float(matrix[0, 1])) > limit:
        raise SynthesisError(
            "covariance is no covariance matrix: it must be symmetric, with variances >= 0 and correlations within ±1."
        )
    return matrix
