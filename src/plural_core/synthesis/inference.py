"""From a weighted fit to what is reported: tests, intervals and heterogeneity, as in metafor 3.8."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from plural_core.synthesis.checks import FloatArray
from plural_core.synthesis.heterogeneity import estimate_tau2, q_profile
from plural_core.synthesis.weighted import WeightedFit, fit_weighted


@dataclass(frozen=True)
class Heterogeneity:
    """Cochran's Q of the fixed-effect fit (`q`, `df`, `q_p`), I² in percent and H²."""

    q: float
    df: int
    q_p: float
    i2: float
    h2: float


@dataclass(frozen=True)
class Fit:
    """A random-effects fit: what `random_effects` and `meta_regression` share."""

    weighted: WeightedFit
    covariance: FloatArray  # (p, p), scaled by Knapp and Hartung's factor if asked for
    std_errors: FloatArray  # (p,)
    df: int | None  # None: normal quantiles
    tau2: float
    tau2_ci: tuple[float, float]
    heterogeneity: Heterogeneity


def fit_random_effects(y: FloatArray, v: FloatArray, x: FloatArray, method: str, test: str, level: float) -> Fit:
    """Estimate tau², then the coefficients. Arguments as in ``estimate_tau2``, already checked; "knha" needs k > p."""
    k, p = x.shape
    tau2 = estimate_tau2(y, v, x, method)
    weighted = fit_weighted(y, v, x, tau2)
    covariance = weighted.covariance
    df = None
    if test == "knha":
        df = k - p
        # Knapp and Hartung (2003), Statistics in Medicine 22, 2693-2710. Never raised to 1, as in metafor's "knha".
        covariance = covariance * (0.0 if np.ptp(y) == 0 else weighted.rss / df)
    return Fit(
        weighted=weighted,
        covariance=covariance,
        std_errors=np.sqrt(np.diag(covariance)),
        df=df,
        tau2=tau2,
        tau2_ci=(math.nan, math.nan) if method == "FE" else q_profile(y, v, x, level),
        heterogeneity=_heterogeneity(y, v, x, method, tau2),
    )


def _heterogeneity(y: FloatArray, v: FloatArray, x: FloatArray, method: str, tau2: float) -> Heterogeneity:
    df = x.shape[0] - x.shape[1]
    if df < 1:
        return Heterogeneity(q=0.0, df=0, q_p=1.0, i2=0.0, h2=1.0)
    fixed = fit_weighted(y - y.mean(), v, x, 0.0)
    q = fixed.rss
    if method == "FE":
        i2 = max(0.0, 100 * (q - df) / q) if q > 0 else 0.0
        h2 = q / df
    else:
        # Higgins and Thompson's "typical" sampling variance, generalised to moderators: (k − p) / tr(P).
        typical = df / fixed.trace
        i2 = 100 * tau2 / (typical + tau2)
        h2 = tau2 / typical + 1
    return Heterogeneity(q=q, df=df, q_p=float(stats.chi2.sf(q, df)), i2=i2, h2=h2)


def critical(level: float, df: float | None) -> float:
    """Return the two-sided quantile: normal with df None, Student's t otherwise."""
    if df is None:
        return float(stats.norm.isf((1 - level) / 2))
    return float(stats.t.isf((1 - level) / 2, df))


def two_sided_p(estimate: float, std_error: float, df: float | None) -> float:
    """Return the p-value of estimate = 0; NaN for 0 / 0."""
    if std_error == 0:
        return math.nan if estimate == 0 else 0.0
    if df is None:
        return float(2 * stats.norm.sf(abs(estimate / std_error)))
    return float(2 * stats.t.sf(abs(estimate / std_error), df))
