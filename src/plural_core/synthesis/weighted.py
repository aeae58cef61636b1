"""One weighted least-squares fit at a given tau²: everything else is built from its few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plural_core.synthesis.checks import FloatArray


@dataclass(frozen=True)
class WeightedFit:
    """A fit of y on X with weights w = 1 / (v + tau²).

    With P = W − WX(X'WX)⁻¹X'W, as in Viechtbauer (2005, J. Educ. Behav. Stat. 30, 261-293): `rss` is y'Py (the
    generalised Q at this tau²), `score_square` is y'PPy, `trace` is tr(P) and `trace_v` is tr(PV).
    """

    weights: FloatArray  # (k,)
    beta: FloatArray  # (p,)
    covariance: FloatArray  # (p, p), (X'WX)⁻¹
    rss: float
    score_square: float
    trace: float
    trace_v: float
    log_det: float  # log|X'WX|


def fit_weighted(y: FloatArray, v: FloatArray, x: FloatArray, tau2: float) -> WeightedFit:
    """Fit y, shape (k,), on x, shape (k, p) of full rank, with weights 1 / (v + tau2)."""
    # Extreme spreads of weights are harmless to a QR of the weighted design, unlike to inverting X'WX.
    w = 1 / (v + tau2)
    root = np.sqrt(w)
    q, r = np.linalg.qr(x * root[:, None])
    beta = np.linalg.solve(r, q.T @ (y * root))
    inverse = np.linalg.inv(r)
    residual = y - x @ beta
    leverage = np.sum(np.square(q), axis=1)
    return WeightedFit(
        weights=w,
        beta=beta,
        covariance=inverse @ inverse.T,
        rss=float(np.sum(w * np.square(residual))),
        score_square=float(np.sum(np.square(w * residual))),
        trace=float(np.sum(w * (1 - leverage))),
        trace_v=float(np.sum(w * v * (1 - leverage))),
        log_det=float(2 * np.sum(np.log(np.abs(np.diag(r))))),
    )
