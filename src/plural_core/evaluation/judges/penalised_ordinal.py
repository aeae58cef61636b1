"""Proportional odds with a ridge penalty on thousands of features: what a judge learns from ratings of texts.

P(y <= j) = F(theta_j - x'b), F logistic, with -log L + penalty / 2 |b|^2 minimised over thresholds and b. A text
without any feature is added, with half a rating of each level, so that no level that nobody used has probability 0;
without effects the model gives the base rates. Ratings enter as counts per text and level, so the cost does not grow
with the number of raters. `plural_core.ordinal` fits the same model with standard errors, for tens of effects; here
there are more effects than texts, and only the prediction counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, issparse
from scipy.special import expit

from plural_core.ordinal.links import Logit

PRIOR = 0.5
"""Ratings added to each level."""
Features = csr_matrix | np.ndarray
_LINK = Logit()
_SMALLEST = 1e-300


@dataclass(frozen=True, eq=False)
class PenalisedOrdinal:
    """A fitted model.

    Parameters
    ----------
    thresholds : ndarray, shape (levels - 1,)
        Rising cut points on the logit scale.
    effects : ndarray, shape (features,)
        Log odds of a higher level per unit of a feature.
    loss : float
        -log L + penalty / 2 |b|^2 at the solution, the added ratings included.
    """

    thresholds: np.ndarray
    effects: np.ndarray
    loss: float

    def probabilities(self, x: Features) -> np.ndarray:
        """Return P(level) of each row of `x`, shape (rows, levels)."""
        below = expit(self.thresholds[None, :] - np.asarray(x @ self.effects)[:, None])
        return np.diff(below, axis=1, prepend=0.0, append=1.0)


def fit_penalised(
    x: Features, counts: np.ndarray, penalty: float, start: PenalisedOrdinal | None = None, tolerance: float = 1e-8
) -> PenalisedOrdinal:
    """Fit the model by L-BFGS with its exact gradient.

    Parameters
    ----------
    x : csr_matrix or ndarray, shape (texts, features)
        Features.
    counts : ndarray, shape (texts, levels)
        Ratings per text and level, two levels or more.
    penalty : float
        Ridge penalty, above 0.
    start : PenalisedOrdinal, optional
        Where to start: the fit with another penalty.
    tolerance : float
        Stop at this relative change of the loss.

    Notes
    -----
    The thresholds are searched as the first one and the logarithms of the gaps, so they cannot cross. Effects of
    dense features, which are taken to be uncorrelated, are searched in units of 1 / sqrt(penalty + ratings x^2 / 4),
    about their curvature, which halves the number of steps.
    """
    levels = counts.shape[1]
    model = start if start is not None else _start(counts, x.shape[1])
    unit = np.ones(x.shape[1]) if issparse(x) else 1.0 / np.sqrt(penalty + (x * x).T @ counts.sum(axis=1) / 4)
    first = np.concatenate([model.thresholds[:1], np.log(np.diff(model.thresholds)), model.effects / unit])
    transposed = x.T.tocsr() if issparse(x) else x.T
    found = minimize(
        _loss,
        first,
        args=(x, transposed, counts, penalty, unit),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "ftol": tolerance, "gtol": 1e-6},
    )
    thresholds, effects = _unpack(found.x, levels)
    return PenalisedOrdinal(thresholds, effects * unit, float(found.fun))


def _loss(
    packed: np.ndarray, x: Features, transposed: Features, counts: np.ndarray, penalty: float, unit: np.ndarray
) -> tuple[float, np.ndarray]:
    levels = counts.shape[1]
    thresholds, scaled = _unpack(packed, levels)
    effects = scaled * unit
    # The last row is the text without features.
    eta = np.append(np.asarray(x @ effects), 0.0)[:, None]
    upper = np.append(thresholds, _LINK.end)[None, :] - eta
    lower = np.insert(thresholds, 0, -_LINK.end)[None, :] - eta
    p = np.maximum(_LINK.interval(upper, lower), _SMALLEST)
    rated = np.vstack([counts, np.full(levels, PRIOR)])
    loss = float(-(rated * np.log(p)).sum() + 0.5 * penalty * (effects @ effects))
    weight = rated / p
    at_upper = weight * expit(upper) * expit(-upper)
    at_lower = weight * expit(lower) * expit(-lower)
    by_threshold = at_lower[:, 1:].sum(axis=0) - at_upper[:, :-1].sum(axis=0)
    # A threshold moves with every gap below it.
    above = np.cumsum(by_threshold[::-1])[::-1]
    by_eta = (at_upper - at_lower).sum(axis=1)[:-1]
    gradient = np.empty_like(packed)
    gradient[0] = above[0]
    gradient[1 : levels - 1] = above[1:] * np.diff(thresholds)
    gradient[levels - 1 :] = (np.asarray(transposed @ by_eta) + penalty * effects) * unit
    return loss, gradient


def _unpack(packed: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    gaps = np.exp(packed[1 : levels - 1])
    return packed[0] + np.concatenate([[0.0], np.cumsum(gaps)]), packed[levels - 1 :]


def _start(counts: np.ndarray, features: int) -> PenalisedOrdinal:
    """Return the model of the base rates: no effects."""
    thresholds = _LINK.quantile(np.cumsum(base_rates(counts))[:-1])
    return PenalisedOrdinal(thresholds, np.zeros(features), np.nan)


def base_rates(counts: np.ndarray) -> np.ndarray:
    """Return the share of each level, `PRIOR` ratings added to each so that none is 0."""
    total = counts.sum(axis=0) + PRIOR
    return np.asarray(total / total.sum())
