"""Likelihood-ratio tests between nested fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2

from plural_core.ordinal.errors import InferenceError

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult


def compare(*fits: CLMMResult) -> pd.DataFrame:
    """Likelihood-ratio tests of fits to the same ratings, smallest model first, like R's ``anova``.

    Parameters
    ----------
    *fits : CLMMResult
        Two or more nested fits; the order does not matter.

    Returns
    -------
    DataFrame
        Indexed m0, m1, ...; columns formula, link, threshold, n_params, aic, loglik, lr_stat, df, p_value
        (the last three against the row above). Where models differ by a standard deviation the test stands
        at the edge of the parameter space and its p-value is too large (about twice for one of them).

    Raises
    ------
    InferenceError
        Fewer than two fits, different ratings, different links, or penalised fits.
    """
    if len(fits) < 2:
        raise InferenceError("compare needs at least two fits")
    for fit in fits:
        if not hasattr(fit, "loglik"):
            raise InferenceError(f"compare takes results of clmm, not {type(fit).__name__}")
    first = fits[0]
    for other in fits[1:]:
        same = (
            other.n_obs == first.n_obs
            and other.levels == first.levels
            and len(other.frame.y) == len(first.frame.y)
            and np.array_equal(other.frame.y, first.frame.y)
            and np.array_equal(other.frame.weights, first.frame.weights)
        )
        if not same:
            raise InferenceError(
                f"the fits are not of the same ratings ({first.n_obs} and {other.n_obs} observations);"
                " rows with missing values may differ between formulas"
            )
        if other.link != first.link:
            raise InferenceError(f"models with different links are not nested ({first.link}, {other.link})")
        if other.n_agq != first.n_agq and len(other.sigma) and len(first.sigma):
            raise InferenceError(f"the likelihoods are approximated differently: n_agq {first.n_agq}, {other.n_agq}")
    if any(fit.penalty is not None for fit in fits):
        raise InferenceError("penalised fits have no likelihood-ratio test; refit with penalty=None")
    ordered = sorted(fits, key=lambda fit: fit.n_params)
    rows = []
    previous: CLMMResult | None = None
    for fit in ordered:
        statistic = df = p_value = np.nan
        if previous is not None:
            statistic = 2.0 * (fit.loglik - previous.loglik)
            df = fit.n_params - previous.n_params
            p_value = float(chi2.sf(max(statistic, 0.0), df)) if df > 0 else np.nan
        rows.append({
            "formula": fit.formula, "link": fit.link, "threshold": fit.threshold, "n_params": fit.n_params,
            "aic": fit.aic, "loglik": fit.loglik, "lr_stat": statistic, "df": df, "p_value": p_value,
        })  # fmt: skip
        previous = fit
    return pd.DataFrame(rows, index=[f"m{k}" for k in range(len(rows))])
