"""Meta-regression on one moderator, such as the size of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from plural_core.synthesis.checks import METHODS, TESTS, choice, estimates_and_variances, probability, vector
from plural_core.synthesis.errors import SynthesisError
from plural_core.synthesis.heterogeneity import estimate_tau2
from plural_core.synthesis.inference import critical, fit_random_effects, two_sided_p
from plural_core.synthesis.pooling import Method, Test


@dataclass(frozen=True)
class Coefficient:
    """A coefficient with its two-sided test against 0."""

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float


@dataclass(frozen=True)
class MetaRegression:
    """A mixed-effects meta-regression, with the definitions of metafor 3.8.

    Attributes
    ----------
    intercept, slope : Coefficient
        The effect where the moderator is 0, and its change per unit of the moderator.
    covariance : float
        Between the two estimates.
    tau2, tau2_ci_low, tau2_ci_high : float
        Residual between-study variance and its Q-profile interval; the interval is missing (NaN) for FE.
    i2, h2, q, q_p : float
        Residual heterogeneity (metafor's QE), i2 in percent.
    r2 : float
        Share of tau² that the moderator accounts for, in percent, not below 0. Missing for FE, and 0 where there is
        no heterogeneity to account for.
    df : int or None
        Degrees of freedom of the tests; None for the normal distribution.
    """

    intercept: Coefficient
    slope: Coefficient
    covariance: float
    tau2: float
    tau2_ci_low: float
    tau2_ci_high: float
    i2: float
    h2: float
    q: float
    q_p: float
    r2: float
    k: int
    df: int | None
    method: str
    test: str
    level: float

    def to_frame(self) -> pd.DataFrame:
        """Return two rows: term, estimate, std_error, ci_low, ci_high, p_value."""
        terms = {"intercept": self.intercept, "moderator": self.slope}
        return pd.DataFrame([{"term": term, **vars(c)} for term, c in terms.items()])

    def predict(self, moderator: ArrayLike) -> pd.DataFrame:
        """Return the mean effect at each value of the moderator.

        Parameters
        ----------
        moderator : array_like, shape (n,)

        Returns
        -------
        DataFrame
            n rows: moderator, estimate, std_error, ci_low, ci_high.
        """
        at = vector(moderator, "moderator")
        estimate = self.intercept.estimate + self.slope.estimate * at
        variance = self.intercept.std_error**2 + 2 * at * self.covariance + (at * self.slope.std_error) ** 2
        std_error = np.sqrt(np.maximum(variance, 0))
        half = critical(self.level, self.df) * std_error
        columns = {"moderator": at, "estimate": estimate, "std_error": std_error}
        return pd.DataFrame({**columns, "ci_low": estimate - half, "ci_high": estimate + half})


def meta_regression(
    estimates: ArrayLike,
    std_errors: ArrayLike,
    moderator: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "knha",
    level: float = 0.95,
) -> MetaRegression:
    """Regress estimates on one moderator, with a residual between-study variance.

    Parameters
    ----------
    estimates, std_errors, moderator : array_like, shape (k,)
        k >= 3, or 2 for FE with "z". The moderator must vary; it is used as given (take logarithms beforehand).
    method, test, level
        As in ``random_effects``; t has k − 2 degrees of freedom.

    Raises
    ------
    SynthesisError
        As ``random_effects``; too few estimates; a moderator that does not vary, or of another length.
    """
    y, v = estimates_and_variances(estimates, std_errors)
    z = vector(moderator, "moderator")
    choice(method, METHODS, "method")
    choice(test, TESTS, "test")
    probability(level, "level")
    if z.size != y.size:
        raise SynthesisError(f"{y.size} estimates but a moderator of length {z.size}: give one value per estimate.")
    fewest = 2 if method == "FE" and test == "z" else 3
    if y.size < fewest:
        raise SynthesisError(f"A regression with method={method!r}, test={test!r} needs {fewest} estimates or more.")
    centre, spread = float(z.mean()), float(np.ptp(z))
    if spread <= 1e-12 * float(np.abs(z).max()):
        raise SynthesisError(f"The moderator is {z[0]:g} for every estimate: there is no slope to estimate.")
    # Fitted on (z − mean) / range, so that neither its unit nor its distance from 0 costs digits; then turned back.
    x = np.column_stack([np.ones(y.size), (z - centre) / spread])
    fit = fit_random_effects(y, v, x, method, test, level)
    back = np.array([[1.0, -centre / spread], [0.0, 1 / spread]])
    beta = back @ fit.weighted.beta
    covariance = back @ fit.covariance @ back.T
    intercept, slope = (
        _coefficient(float(b), math.sqrt(variance), level, fit.df)
        for b, variance in zip(beta, np.diag(covariance).tolist(), strict=True)
    )
    return MetaRegression(
        intercept=intercept,
        slope=slope,
        covariance=float(covariance[0, 1]),
        tau2=fit.tau2,
        tau2_ci_low=fit.tau2_ci[0],
        tau2_ci_high=fit.tau2_ci[1],
        i2=fit.heterogeneity.i2,
        h2=fit.heterogeneity.h2,
        q=fit.heterogeneity.q,
        q_p=fit.heterogeneity.q_p,
        r2=_explained(estimate_tau2(y, v, x[:, :1], method), fit.tau2, method),
        k=int(y.size),
        df=fit.df,
        method=method,
        test=test,
        level=float(level),
    )


def _explained(total: float, residual: float, method: str) -> float:
    """Return 100 (total − residual) / total of tau², floored at 0 (Raudenbush 2009)."""
    if method == "FE":
        return math.nan
    return max(0.0, 100 * (total - residual) / total) if total > 0 else 0.0


def _coefficient(estimate: float, std_error: float, level: float, df: int | None) -> Coefficient:
    half = critical(level, df) * std_error
    return Coefficient(estimate, std_error, estimate - half, estimate + half, two_sided_p(estimate, std_error, df))
