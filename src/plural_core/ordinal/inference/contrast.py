"""Differences between any two levels of a factor, from the covariance matrix: no refit."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from plural_core.ordinal.errors import InferenceError, listing, nearest
from plural_core.ordinal.inference.marginal import check_factor
from plural_core.ordinal.tables import estimate_table

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult


def contrast(result: CLMMResult, factor: str, a: Any | None, b: Any | None, level: float) -> pd.DataFrame:
    """See `CLMMResult.contrast`."""
    check_factor(result, factor)
    if factor not in result.frame.factors:
        raise InferenceError(f"'{factor}' is numeric; its coefficient is the contrast of one unit")
    levels = result.frame.factors[factor]
    main = [term for term, used in result.frame.term_factors.items() if used == (factor,)]
    if not main or any(factor in used and used != (factor,) for used in result.frame.term_factors.values()):
        raise InferenceError(
            f"'{factor}' takes part in an interaction, so a contrast of its levels depends on the other column;"
            f" use average_marginal_effects('{factor}')"
        )
    if (a is None) != (b is None):
        raise InferenceError("give both levels of a contrast, or neither for all pairs")
    pairs = list(combinations(levels[::-1], 2)) if a is None else [(a, b)]
    for wanted in (v for pair in pairs for v in pair):
        if wanted not in levels:
            raise InferenceError(
                f"'{wanted}' is not a level of '{factor}' ({listing(levels)}).{nearest(wanted, levels)}"
            )
    estimates, errors, names = [], [], []
    for first, second in pairs:
        weights = _weights(result, factor, main[0], first) - _weights(result, factor, main[0], second)
        used = np.flatnonzero(weights)
        lost = [result.spec.names[j] for j in used if result.spec.names[j] in result.not_estimable]
        names.append(f"{first} - {second}")
        if lost:
            sign = sum(
                np.sign(weights[j]) * np.sign(_estimate(result, int(j))) for j in used if result.spec.names[j] in lost
            )
            if sign == 0:
                raise InferenceError(f"'{first}' and '{second}' are both not estimable: {listing(lost)}")
            estimates.append(sign * np.inf)
            errors.append(np.nan)
        else:
            estimates.append(float(weights @ result.gamma))
            p = len(weights)
            errors.append(float(np.sqrt(weights @ result.covariance[:p, :p] @ weights)))
    return estimate_table(
        names, np.array(estimates), np.array(errors), logit=result.spec.link.name == "logit", level=level
    )


def _estimate(result: CLMMResult, j: int) -> float:
    return float(pd.concat([result.thresholds, result.coefficients])["estimate"].iloc[j])


def _weights(result: CLMMResult, factor: str, term: str, value: Any) -> np.ndarray:
    """Coefficients of gamma that make up the effect of one level: read off the model matrix."""
    frame = result.frame
    weights = np.zeros(len(result.spec.names))
    rows = np.flatnonzero((frame.frame[factor] == value).to_numpy())
    for name in frame.terms[term]:
        column = frame.names.index(name)
        if name in result.spec.beta_names:
            weights[result.spec.names.index(name)] = frame.x[rows[0], column]
        elif frame.x[rows[0], column]:
            raise InferenceError(f"'{factor}' has threshold-specific effects, not one contrast")
    return weights
