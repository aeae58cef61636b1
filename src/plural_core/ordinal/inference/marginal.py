"""What a stakeholder can read: population-averaged probabilities per group, and their differences.

For each level of a factor, everybody in the sample is given that level and everything else is left as it is
(standardisation); random effects are integrated out; P(rating >= k) is averaged over the sample. Errors by
the delta method in all parameters, standard deviations included; the covariates of the sample are taken as
they are. Rows with a level of *another* factor that is not estimable stand at their limit, probability zero or one,
which adds nothing to the error; the factor's own such levels have no error and no interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from plural_core.ordinal.design import new_matrix
from plural_core.ordinal.errors import InferenceError, listing, nearest
from plural_core.ordinal.inference.cumulative import cumulative, quadratic

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult

Array = np.ndarray


def covariates(result: CLMMResult) -> list[str]:
    """Data columns of the fixed part."""
    return sorted({v for used in result.frame.term_factors.values() for v in used if v in result.frame.frame})


def check_factor(result: CLMMResult, factor: str) -> None:
    """Raise unless `factor` is a data column of the fixed part."""
    known = covariates(result)
    if factor not in known:
        raise InferenceError(
            f"'{factor}' is not in the fixed part of {result.formula!r} ({listing(known)}).{nearest(factor, known)}"
        )


def exceedance(result: CLMMResult, data: pd.DataFrame, factor: str) -> tuple[Array, Array, bool]:
    """Sample mean of P(rating >= k) for k from the second level on: value, gradient, and whether it is estimable.

    It is not where an effect of `factor` itself, or a threshold, enters that runs to infinity.
    """
    x = new_matrix(result.frame, data)
    rows, inverse = np.unique(x, axis=0, return_inverse=True) if x.shape[1] else (x[:1], np.zeros(len(x), dtype=int))
    weights = np.bincount(inverse.ravel(), weights=result.frame.weights)
    weights = weights / weights.sum()
    c = cumulative(result, rows, marginal=True)
    value = 1.0 - weights @ c.value
    gradient = -np.einsum("i,ija->ja", weights, c.gradient)
    lost = set(result.not_estimable)
    own = [j for j in result.frame.columns_of(factor) if lost & set(_parameters(result, result.frame.names[j]))]
    estimable = not (rows[:, own] != 0.0).any() and not lost & set(result.spec.alpha_names)
    return value, gradient, bool(estimable)


def _parameters(result: CLMMResult, column: str) -> list[str]:
    """Names of the effects of a model-matrix column: one, or one per threshold."""
    return [column, *(f"{a}.{column}" for a in result.spec.alpha_names)]


def _sample(result: CLMMResult) -> pd.DataFrame:
    return result.frame.frame[covariates(result)]


def marginal_probabilities(result: CLMMResult, factor: str, level: float) -> pd.DataFrame:
    """See `CLMMResult.marginal_probabilities`."""
    check_factor(result, factor)
    if factor not in result.frame.factors:
        raise InferenceError(f"'{factor}' is numeric and has no groups; use average_marginal_effects('{factor}')")
    sample, quantile = _sample(result), norm.ppf(0.5 + level / 2.0)
    rows = []
    for group in result.frame.factors[factor]:
        value, gradient, reliable = exceedance(result, sample.assign(**{factor: group}), factor)
        errors = np.sqrt(np.maximum(quadratic(gradient, result.covariance), 0.0))
        if not reliable:
            errors = np.full(len(errors), np.nan)
        # Interval on the logit scale, so that it stays between 0 and 1.
        with np.errstate(divide="ignore", invalid="ignore"):
            centre = np.log(value) - np.log1p(-value)
            half = quantile * errors / (value * (1.0 - value))
        for j, k in enumerate(result.levels[1:]):
            rows.append({
                "factor": factor, "level": group, "at_least": k, "estimate": value[j], "std_error": errors[j],
                "ci_low": 1.0 / (1.0 + np.exp(half[j] - centre[j])),
                "ci_high": 1.0 / (1.0 + np.exp(-half[j] - centre[j])),
            })  # fmt: skip
    return pd.DataFrame(rows)


def average_marginal_effects(result: CLMMResult, factor: str, level: float) -> pd.DataFrame:
    """See `CLMMResult.average_marginal_effects`."""
    check_factor(result, factor)
    sample = _sample(result)
    rows = []
    if factor in result.frame.factors:
        base, *others = result.frame.factors[factor]
        low = exceedance(result, sample.assign(**{factor: base}), factor)
        comparisons = [
            (f"{other} - {base}", exceedance(result, sample.assign(**{factor: other}), factor), low, 1.0)
            for other in others
        ]
    else:
        step = 1e-4 * (float(sample[factor].std()) or 1.0)
        up = exceedance(result, sample.assign(**{factor: sample[factor] + step}), factor)
        down = exceedance(result, sample.assign(**{factor: sample[factor] - step}), factor)
        comparisons = [(f"d/d {factor}", up, down, 2.0 * step)]
    quantile = norm.ppf(0.5 + level / 2.0)
    for name, (v1, g1, ok1), (v0, g0, ok0), unit in comparisons:
        effect = (v1 - v0) / unit
        errors = np.sqrt(np.maximum(quadratic((g1 - g0) / unit, result.covariance), 0.0))
        if not (ok1 and ok0):
            errors = np.full(len(errors), np.nan)
        for j, k in enumerate(result.levels[1:]):
            z = effect[j] / errors[j] if errors[j] > 0 else np.nan
            rows.append({
                "factor": factor, "contrast": name, "at_least": k, "estimate": effect[j], "std_error": errors[j],
                "z": z, "p_value": 2.0 * norm.sf(abs(z)), "ci_low": effect[j] - quantile * errors[j],
                "ci_high": effect[j] + quantile * errors[j],
            })  # fmt: skip
    return pd.DataFrame(rows)
