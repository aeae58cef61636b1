"""Pool estimates of one effect over studies (here: model families), common- or random-effects."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from plural_core.synthesis.checks import METHODS, TESTS, FloatArray, choice, estimates_and_variances, probability
from plural_core.synthesis.inference import critical, fit_random_effects, two_sided_p

Method = Literal["FE", "DL", "PM", "REML", "ML", "HE", "SJ"]
Test = Literal["z", "knha"]


@dataclass(frozen=True)
class PooledEffect:
    """A pooled effect, with the names and definitions of metafor 3.8.

    Attributes
    ----------
    estimate, std_error, ci_low, ci_high, p_value : float
        Of the mean effect, in the unit of the estimates; the p-value is two-sided against 0.
    tau2, tau2_ci_low, tau2_ci_high : float
        Between-study variance (unit squared) and its Q-profile interval, which does not depend on the method and so
        need not hold `tau2`. Missing (NaN) for FE and for k = 1.
    i2 : float
        Share of the total variance that is between studies, in percent, 0 to 100.
    h2 : float
        Total over sampling variance; at least 1 except for FE, where it is Q / (k − 1).
    q, q_p : float
        Cochran's Q and its p-value on k − 1 degrees of freedom.
    pi_low, pi_high : float
        Prediction interval for the effect in another study. Missing for FE and for k = 1.
    weights : tuple of float, length k
        Weights in percent; they sum to 100.
    k : int
        Number of estimates.
    method, test, level
        As used.
    """

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float
    tau2: float
    tau2_ci_low: float
    tau2_ci_high: float
    i2: float
    h2: float
    q: float
    q_p: float
    pi_low: float
    pi_high: float
    weights: tuple[float, ...]
    k: int
    method: str
    test: str
    level: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row with every attribute but the weights."""
        row = asdict(self)
        del row["weights"]
        return pd.DataFrame([row])


def random_effects(
    estimates: ArrayLike,
    std_errors: ArrayLike,
    *,
    method: Method = "DL",
    test: Test = "z",
    level: float = 0.95,
) -> PooledEffect:
    """Pool estimates by inverse variance, with a between-study variance.

    Parameters
    ----------
    estimates, std_errors : array_like, shape (k,)
        Effects and their standard errors (not variances), all finite, standard errors positive.
    method : {"FE", "DL", "PM", "REML", "ML", "HE", "SJ"}
        Estimator of tau²: none (common effect), DerSimonian-Laird, Paule-Mandel, restricted and full maximum
        likelihood, Hedges, Sidik-Jonkman.
    test : {"z", "knha"}
        Normal quantiles, or Knapp and Hartung's standard error with Student's t on k − 1 degrees of freedom.
    level : float
        Coverage of all three intervals, between 0 and 1.

    Returns
    -------
    PooledEffect
        With k = 1: the estimate itself with its z interval (`test` says "z" even if "knha" was asked for), tau² = 0,
        Q = 0. All estimates equal: tau² = 0 and, with "knha", a standard
        error of 0 and an interval without width, as in metafor: read such an interval as "too few to tell".

    Raises
    ------
    SynthesisError
        Missing or infinite values, standard errors that are zero or negative, different lengths, nothing to pool, an
        unknown method or test, a level outside (0, 1).
    """
    y, v = estimates_and_variances(estimates, std_errors)
    choice(method, METHODS, "method")
    choice(test, TESTS, "test")
    probability(level, "level")
    return pool(y, v, method, test, level)


def pool(y: FloatArray, v: FloatArray, method: str, test: str, level: float) -> PooledEffect:
    """Pool checked arrays."""
    if y.size == 1:
        test = "z"  # one estimate has no spread to take a Knapp-Hartung error from; metafor does the same
    # Centred: with estimates far from 0 the residuals keep their digits, and shifting them shifts the result exactly.
    centre = float(y.mean())
    fit = fit_random_effects(y - centre, v, np.ones((y.size, 1)), method, test, level)
    estimate = centre + float(fit.weighted.beta[0])
    std_error = float(fit.std_errors[0])
    half = critical(level, fit.df) * std_error
    no_prediction = method == "FE" or y.size == 1
    reach = math.nan if no_prediction else critical(level, fit.df) * math.sqrt(std_error**2 + fit.tau2)
    weights = fit.weighted.weights
    return PooledEffect(
        estimate=estimate,
        std_error=std_error,
        ci_low=estimate - half,
        ci_high=estimate + half,
        p_value=two_sided_p(estimate, std_error, fit.df),
        tau2=fit.tau2,
        tau2_ci_low=fit.tau2_ci[0],
        tau2_ci_high=fit.tau2_ci[1],
        i2=fit.heterogeneity.i2,
        h2=fit.heterogeneity.h2,
        q=fit.heterogeneity.q,
        q_p=fit.heterogeneity.q_p,
        pi_low=estimate - reach,
        pi_high=estimate + reach,
        weights=tuple((100 * weights / weights.sum()).tolist()),
        k=int(y.size),
        method=method,
        test=test,
        level=float(level),
    )
