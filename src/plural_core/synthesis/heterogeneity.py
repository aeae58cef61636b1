"""Between-study variance tau²: seven estimators and the Q-profile interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2

from plural_core.synthesis.checks import FloatArray
from plural_core.synthesis.weighted import WeightedFit, fit_weighted

GRID_POINTS = 64
GRID_SPAN = 1e-8  # the grid of tau² runs from this share of its largest possible value


def estimate_tau2(y: FloatArray, v: FloatArray, x: FloatArray, method: str) -> float:
    """Return tau² >= 0 by one of ``checks.METHODS``.

    Parameters
    ----------
    y, v : ndarray, shape (k,)
        Estimates and sampling variances.
    x : ndarray, shape (k, p)
        Design of full rank; a column of ones to pool. With k <= p there is nothing left to estimate it from: 0.
    method : str
        FE (0 by definition); DL DerSimonian-Laird, HE Hedges, SJ Sidik-Jonkman (closed forms); PM Paule-Mandel, ML
        and REML (roots and maxima, found to machine precision).
    """
    k, p = x.shape
    if method == "FE" or k <= p:
        return 0.0
    y = y - y.mean()  # no estimator depends on the mean; subtracting it keeps digits
    if not np.any(y):
        return 0.0
    return max(0.0, _ESTIMATORS[method](y, v, x))


def _df(x: FloatArray) -> int:
    return int(x.shape[0] - x.shape[1])


def _dersimonian_laird(y: FloatArray, v: FloatArray, x: FloatArray) -> float:
    fixed = fit_weighted(y, v, x, 0.0)
    return (fixed.rss - _df(x)) / fixed.trace


def _hedges(y: FloatArray, v: FloatArray, x: FloatArray) -> float:
    plain = fit_weighted(y, np.ones_like(v), x, 0.0)
    # With unit weights the fit's P is I − H, and its diagonal is what tr(PV) weighs v with.
    leverage = np.einsum("ij,jl,il->i", x, plain.covariance, x)
    return (plain.rss - float(np.sum(v * (1 - leverage)))) / _df(x)


def _sidik_jonkman(y: FloatArray, v: FloatArray, x: FloatArray) -> float:
    start = float(np.mean(np.square(y)))  # y is centred: the variance with divisor k
    return start * fit_weighted(y, v, x, start).rss / _df(x)


def _paule_mandel(y: FloatArray, v: FloatArray, x: FloatArray) -> float:
    return _where_q_equals(y, v, x, float(_df(x)))


def _maximum_likelihood(y: FloatArray, v: FloatArray, x: FloatArray) -> float:
    return _highest_likelihood(y, v, x, lambda fit: 0.0, lambda fit: float(np.sum(fit.weights)))


def _restricted_likelihood(y: FloatArray, v: FloatArray, x: FloatArray) -> float:
    return _highest_likelihood(y, v, x, lambda fit: fit.log_det, lambda fit: fit.trace)


_ESTIMATORS: dict[str, Callable[[FloatArray, FloatArray, FloatArray], float]] = {
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "SJ": _sidik_jonkman,
    "PM": _paule_mandel,
    "ML": _maximum_likelihood,
    "REML": _restricted_likelihood,
}


def q_profile(y: FloatArray, v: FloatArray, x: FloatArray, level: float) -> tuple[float, float]:
    """Return the Q-profile interval of tau² (Viechtbauer 2007, Statistics in Medicine 26, 37-52).

    All tau² >= 0 whose generalised Q lies between the chi-square quantiles with k − p degrees of freedom. (0, 0) when
    even tau² = 0 leaves less spread than chance; (NaN, NaN) with k <= p.
    """
    df = _df(x)
    if df < 1:
        return float("nan"), float("nan")
    y = y - y.mean()
    tail = (1 - level) / 2
    low = _where_q_equals(y, v, x, float(chi2.isf(tail, df)))
    high = _where_q_equals(y, v, x, float(chi2.ppf(tail, df)))
    return low, high


def _where_q_equals(y: FloatArray, v: FloatArray, x: FloatArray, target: float) -> float:
    """Return the tau² at which Q, which falls with tau², equals `target`; 0 if it is below from the start."""

    def excess(tau2: float) -> float:
        return fit_weighted(y, v, x, tau2).rss - target

    if excess(0.0) <= 0:
        return 0.0
    # Q(tau²) <= RSS / (min v + tau²), RSS of the unweighted fit: beyond RSS / target it lies below the target.
    top = fit_weighted(y, np.ones_like(v), x, 0.0).rss / target
    return _root(excess, 0.0, top)


def _highest_likelihood(
    y: FloatArray,
    v: FloatArray,
    x: FloatArray,
    penalty: Callable[[WeightedFit], float],
    expected: Callable[[WeightedFit], float],
) -> float:
    """Return the tau² >= 0 with the highest likelihood, which may have several local maxima.

    The score is y'PPy − `expected`, the deviance Σ log(v + tau²) + y'Py + `penalty`.
    """

    def score(tau2: float) -> float:
        fit = fit_weighted(y, v, x, tau2)
        return fit.score_square - expected(fit)

    def deviance(tau2: float) -> float:
        fit = fit_weighted(y, v, x, tau2)
        return float(np.sum(np.log(v + tau2))) + fit.rss + penalty(fit)

    # y'PPy <= RSS / (min v + tau²)² and tr(P) >= (k − p) / (max v + tau²): above `top` the score is negative.
    spread = fit_weighted(y, np.ones_like(v), x, 0.0).rss / _df(x)
    if spread == 0:
        return 0.0
    top = 2 * max(spread, float(np.sqrt(spread * v.max())))
    grid = [0.0, *np.geomspace(top * GRID_SPAN, top, GRID_POINTS).tolist()]
    scores = [score(t) for t in grid]
    maxima = [0.0] if scores[0] <= 0 else []
    for i in range(len(grid) - 1):
        if scores[i] > 0 >= scores[i + 1]:
            maxima.append(_root(score, grid[i], grid[i + 1]))
    # Rounding can leave no sign change only where the spread is rounding itself.
    return min(maxima, key=deviance, default=0.0)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root between two points of opposite sign, to a precision relative to `high`."""
    if function(high) >= 0:  # equality up to rounding at the bound itself
        return high
    return float(brentq(function, low, high, xtol=max(1e-15 * high, 1e-300), rtol=1e-14))
