"""Each rating's share of the log-likelihood, and its derivatives in the two ends of its interval.

With p = F(a1) - F(a2), f = F' and so on, and a common shift of both ends by -b (the random effect):

    s = (f1 - f2)/p        so that d log p / db = -s
    W = s^2 - (f1' - f2')/p = -d2 log p / db2
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from plural_core.ordinal.links import Link, Logit

Array = np.ndarray
_TINY = 1e-300


@dataclass(frozen=True)
class RowScore:
    """What the inner Newton step needs: log p, s and W, each shape (n,)."""

    logp: Array
    s: Array
    w: Array


@dataclass(frozen=True)
class RowTerms:
    """What the outer gradient needs.

    `l1`, `l2` are the derivatives of log p in the two ends, `s1`, `s2` those of s, `w1`, `w2` those of W.
    """

    logp: Array
    s: Array
    w: Array
    l1: Array
    l2: Array
    s1: Array
    s2: Array
    w1: Array
    w2: Array


def log_probability(link: Link, upper: Array, lower: Array) -> Array:
    """Log p per rating, -inf where the interval is empty (thresholds out of order)."""
    if isinstance(link, Logit):
        # log expit(upper) + log expit(-lower) + log(1 - exp(lower - upper)), finite far into both tails.
        gap = upper - lower
        with np.errstate(invalid="ignore", divide="ignore"):
            middle = np.log(-np.expm1(-gap))
        logp = middle - np.logaddexp(0.0, -upper) - np.logaddexp(0.0, lower)
        return np.where(gap > 0.0, logp, -np.inf)
    p = link.interval(upper, lower)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > _TINY, np.log(np.maximum(p, _TINY)), -np.inf)


def row_score(link: Link, upper: Array, lower: Array) -> RowScore:
    """Log p, s and W. Where p is zero they are -inf, 0 and 0."""
    logp = log_probability(link, upper, lower)
    if isinstance(link, Logit):
        up1, up2 = expit(upper), expit(lower)
        down1, down2 = expit(-upper), expit(-lower)
        return RowScore(logp, down1 - up2, up1 * down1 + up2 * down2)
    p = np.maximum(link.interval(upper, lower), _TINY)
    f1, g1, _ = link.densities(upper)
    f2, g2, _ = link.densities(lower)
    s = (f1 - f2) / p
    return RowScore(logp, s, s * s - (g1 - g2) / p)


def row_terms(link: Link, upper: Array, lower: Array) -> RowTerms:
    """All derivatives up to the third."""
    logp = log_probability(link, upper, lower)
    if isinstance(link, Logit):
        up1, up2 = expit(upper), expit(lower)
        down1, down2 = expit(-upper), expit(-lower)
        f1, f2 = up1 * down1, up2 * down2
        gap = np.maximum(-np.expm1(lower - upper), _TINY)
        # f1/p and f2/p with the common factors cancelled by hand.
        l1 = down1 / np.maximum(down2 * gap, _TINY)
        l2 = -up2 / np.maximum(up1 * gap, _TINY)
        return RowTerms(logp, down1 - up2, f1 + f2, l1, l2, -f1, -f2, f1 * (down1 - up1), f2 * (down2 - up2))
    p = np.maximum(link.interval(upper, lower), _TINY)
    f1, g1, h1 = (value / p for value in link.densities(upper))
    f2, g2, h2 = (value / p for value in link.densities(lower))
    s, q = f1 - f2, g1 - g2
    s1, s2 = g1 - s * f1, s * f2 - g2
    q1, q2 = h1 - q * f1, q * f2 - h2
    return RowTerms(logp, s, s * s - q, f1, -f2, s1, s2, 2.0 * s * s1 - q1, 2.0 * s * s2 - q2)


def row_hessian(terms: RowTerms) -> tuple[Array, Array, Array]:
    """Second derivatives of log p in (upper, upper), (upper, lower), (lower, lower).

    From s1 = d s/d upper = L11 + L12 and s2 = L12 + L22, with L12 = -L1 L2.
    """
    l12 = -terms.l1 * terms.l2
    return terms.s1 - l12, l12, terms.s2 - l12
