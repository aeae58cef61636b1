"""Effects against another reference level, from the estimates and their covariance: no model is fitted again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from plural_core.errors import DataError, listing, nearest
from plural_core.synthesis.testing import holm

COLUMNS = [
    "dimension",
    "factor",
    "level",
    "reference",
    "contrast",
    "estimate",
    "std_error",
    "z",
    "p_value",
    "ci_low",
    "ci_high",
    "odds_ratio",
    "percent_change",
    "p_holm",
]
NOT_ESTIMABLE = "not estimable"


def contrast_rows(
    effects: pd.DataFrame,
    vcov: pd.DataFrame,
    factors: Mapping[str, Sequence[str]],
    references: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return every effect against the chosen reference levels.

    With treatment coding, level i against level j is b_i - b_j, and its variance V_ii + V_jj - 2 V_ij; the level that
    the model itself takes as reference has b = 0 and no variance.

    Parameters
    ----------
    effects : DataFrame
        Table ``effects_demographic``: dimension, term (factor and level written together), estimate.
    vcov : DataFrame
        Table ``vcov_demographic``: dimension, term_a, term_b, value.
    factors : mapping
        Levels of each factor, the model's reference level first (``demographics.shown_factors``).
    references : mapping, optional
        For some factors another reference level; the others keep the model's.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    DataFrame
        One row per dimension, factor and non-reference level, in the order of `factors`: estimate and std_error in
        log odds, z, p_value (normal, two-sided), ci_low, ci_high, odds_ratio, percent_change, and p_holm, adjusted over
        all rows that can be estimated. What cannot is missing.

    Raises
    ------
    DataError
        A factor or level that is not there.
    """
    chosen = {name: levels[0] for name, levels in factors.items()}
    for factor, reference in (references or {}).items():
        if factor not in factors:
            raise DataError(f"'{factor}' is not a factor of the models.{nearest(factor, factors)}")
        if reference not in factors[factor]:
            raise DataError(
                f"'{reference}' is not a level of {factor}.{nearest(reference, factors[factor])} "
                f"Levels: {listing(factors[factor])}"
            )
        chosen[factor] = reference
    estimates = {
        (str(d), str(t)): float(b)
        for d, t, b in zip(effects["dimension"], effects["term"], effects["estimate"], strict=True)
    }
    covariances = {
        (str(d), str(a), str(b)): float(v)
        for d, a, b, v in zip(vcov["dimension"], vcov["term_a"], vcov["term_b"], vcov["value"], strict=True)
    }
    rows = []
    for dimension in dict.fromkeys(effects["dimension"]):
        for factor, levels in factors.items():
            base, reference = levels[0], chosen[factor]
            if not any((dimension, factor + name) in estimates for name in levels):
                continue  # the factor is not in this dimension's model

            def value(name: str, at: str = str(dimension), of: str = factor, zero: str = base) -> float:
                return 0.0 if name == zero else estimates.get((at, of + name), math.nan)

            def covariance(a: str, b: str, at: str = str(dimension), of: str = factor, zero: str = base) -> float:
                return 0.0 if zero in (a, b) else covariances.get((at, of + a, of + b), math.nan)

            for name in levels:
                if name == reference:
                    continue
                variance = covariance(name, name) + covariance(reference, reference) - 2 * covariance(name, reference)
                rows.append(
                    {
                        "dimension": str(dimension),
                        "factor": factor,
                        "level": name,
                        "reference": reference,
                        "contrast": f"{name} vs {reference}",
                        "estimate": value(name) - value(reference),
                        "std_error": math.sqrt(variance) if variance > 0 else math.nan,
                    }
                )
    frame = pd.DataFrame(rows, columns=COLUMNS[:7]).astype({"estimate": float, "std_error": float})
    return _inference(frame, level)[COLUMNS]


def _inference(frame: pd.DataFrame, level: float) -> pd.DataFrame:
    """Add z, p-values, intervals and the readable scales."""
    half = norm.ppf((1 + level) / 2) * frame["std_error"]
    z = frame["estimate"] / frame["std_error"]
    found = frame.assign(
        z=z,
        p_value=2 * norm.sf(np.abs(z)),
        ci_low=frame["estimate"] - half,
        ci_high=frame["estimate"] + half,
        odds_ratio=np.exp(frame["estimate"]),
        percent_change=100 * np.expm1(frame["estimate"]),
        p_holm=math.nan,
    )
    tested = found["p_value"].notna()
    if tested.any():
        found.loc[tested, "p_holm"] = holm(found.loc[tested, "p_value"].to_numpy(dtype=float))
    return found
