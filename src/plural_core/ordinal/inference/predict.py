"""Predictions for new rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from plural_core.ordinal.design import new_matrix
from plural_core.ordinal.errors import InferenceError, nearest
from plural_core.ordinal.inference.conditional import KnownEffects, known_effects
from plural_core.ordinal.inference.cumulative import categories, cumulative, quadratic

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult

_KINDS = ("probability", "class", "linear")
_RANDOM = ("conditional", "marginal", "zero")


def predict(
    result: CLMMResult,
    newdata: pd.DataFrame | None,
    kind: str,
    random: str,
    *,
    std_error: bool,
    level: float,
) -> pd.DataFrame:
    """See `CLMMResult.predict`."""
    for name, chosen, known in (("kind", kind, _KINDS), ("random", random, _RANDOM)):
        if chosen not in known:
            raise InferenceError(f"{name}='{chosen}' is not one of {', '.join(known)}.{nearest(chosen, known)}")
    if newdata is None:
        x, data = result.frame.x, result.frame.frame.set_axis(result.frame.index)
    else:
        x, data = new_matrix(result.frame, newdata), newdata
    effects = known_effects(result, data, errors=std_error or kind == "linear") if random == "conditional" else None
    if kind == "linear":
        return _linear(result, x, data.index, effects, random == "marginal", level)
    c = cumulative(
        result,
        x,
        marginal=random == "marginal",
        shift=None if effects is None else effects.shift,
        chain=effects.chain if effects is not None and std_error else None,
    )
    value, gradient, density = categories(c)
    probabilities = pd.DataFrame(value, index=data.index, columns=pd.Index(result.levels, name="level"))
    if kind == "class":
        best = value.argmax(axis=1)
        labels = pd.Series(np.array(result.levels, dtype=object)[best], index=data.index).infer_objects()
        return pd.DataFrame({"class": labels, "probability": value.max(axis=1)}, index=data.index)
    if not std_error:
        return probabilities
    variance = quadratic(gradient, result.covariance)
    if effects is not None:
        variance = variance + density**2 * effects.variance[:, None]
    errors = np.sqrt(np.maximum(variance, 0.0))
    errors[~c.reliable] = np.nan
    return pd.concat(
        {"estimate": probabilities, "std_error": pd.DataFrame(errors, index=data.index, columns=probabilities.columns)},
        axis=1,
    )


def _linear(
    result: CLMMResult,
    x: np.ndarray,
    index: pd.Index,
    effects: KnownEffects | None,
    marginal: bool,
    level: float,
) -> pd.DataFrame:
    """Latent location eta = x beta + b; a threshold-specific column has no single location and counts as 0."""
    spec = result.spec
    n_alpha = spec.n_alpha
    eta = x[:, spec.shifting] @ result.gamma[n_alpha:]
    gradient = np.zeros((len(x), len(result.covariance)))
    gradient[:, n_alpha : len(spec.names)] = x[:, spec.shifting]
    variance = np.zeros(len(x))
    if effects is not None:
        eta = eta + effects.shift
        gradient += effects.chain
        variance = effects.variance
    std_error = np.sqrt(np.maximum(quadratic(gradient, result.covariance) + variance, 0.0))
    lost = [spec.names.index(name) for name in result.not_estimable]
    unreliable = (gradient[:, lost] != 0.0).any(axis=1)
    std_error[unreliable] = np.nan
    eta[unreliable] = np.sign(eta[unreliable]) * np.inf
    half = norm.ppf(0.5 + level / 2.0) * std_error
    out = {"estimate": eta, "std_error": std_error, "ci_low": eta - half, "ci_high": eta + half}
    frame = pd.DataFrame(out, index=index)
    # The spread of new groups around this location is not an error of the location.
    return frame.assign(random_sd=float(np.sqrt(result.sigma @ result.sigma))) if marginal else frame
