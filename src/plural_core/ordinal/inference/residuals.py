"""Randomised quantile residuals (Dunn and Smyth 1996): standard normal if the model is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from plural_core.ordinal.errors import InferenceError, nearest
from plural_core.ordinal.inference.cumulative import cumulative

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult


def quantile_residuals(result: CLMMResult, seed: int, random: str) -> pd.Series:
    """See `CLMMResult.quantile_residuals`."""
    kinds = ("conditional", "marginal", "zero")
    if random not in kinds:
        raise InferenceError(f"random='{random}' is not one of {', '.join(kinds)}.{nearest(random, kinds)}")
    shift = None
    if random == "conditional" and len(result.sigma):
        likelihood = result.solution.likelihood
        shift = likelihood.joint.spread(result.sigma, result.solution.u)  # type: ignore[union-attr]
    c = cumulative(result, result.frame.x, marginal=random == "marginal", shift=shift)
    n = len(result.frame.y)
    padded = np.hstack([np.zeros((n, 1)), c.value, np.ones((n, 1))])
    rows = np.arange(n)
    low, high = padded[rows, result.frame.y], padded[rows, result.frame.y + 1]
    u = low + (high - low) * np.random.default_rng(seed).random(n)
    tiny = np.finfo(float).tiny
    values = norm.ppf(np.clip(u, tiny, 1.0 - 1e-16))
    return pd.Series(values, index=result.frame.index, name="quantile_residual")
