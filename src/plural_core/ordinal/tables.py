"""Tables of estimates: standard errors, z, p-values, Wald intervals, odds ratios."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

COLUMNS = ("estimate", "std_error", "z", "p_value", "ci_low", "ci_high", "odds_ratio", "percent_change")


def estimate_table(
    names: Sequence[str], estimate: np.ndarray, std_error: np.ndarray, *, logit: bool, level: float = 0.95
) -> pd.DataFrame:
    """Table of estimates with the columns of `CLMMResult.coefficients`.

    Parameters
    ----------
    estimate : ndarray
        Infinite where not estimable: then std_error, z and p_value are missing and the interval is the line.
    std_error : ndarray
        NaN where unknown.
    logit : bool
        Whether exp(estimate) is an odds ratio; otherwise both odds columns are missing.
    level : float
        Coverage of the interval.
    """
    estimate = np.asarray(estimate, dtype=float)
    std_error = np.where(np.isfinite(estimate), np.asarray(std_error, dtype=float), np.nan)
    quantile = norm.ppf(0.5 + level / 2.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = estimate / std_error
        p_value = 2.0 * norm.sf(np.abs(z))
        low, high = estimate - quantile * std_error, estimate + quantile * std_error
        ratio = np.exp(estimate) if logit else np.full(len(estimate), np.nan)
        change = 100.0 * np.expm1(estimate) if logit else np.full(len(estimate), np.nan)
    infinite = ~np.isfinite(estimate)
    low[infinite], high[infinite] = -np.inf, np.inf
    columns = dict(zip(COLUMNS, (estimate, std_error, z, p_value, low, high, ratio, change), strict=True))
    return pd.DataFrame(columns, index=pd.Index(list(names), name="term"))
