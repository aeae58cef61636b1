"""Links: the distribution F of the latent variable, with three derivatives and interval probabilities.

A cumulative link model says P(y <= j) = F(theta_j - eta). Every link here is a few closed forms; infinite
ends of the scale are represented by the finite number `Link.end`, beyond which F is 0 or 1 to the last bit
(the Cauchy distribution is the exception, see `Cauchit`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr, ndtri

from plural_core.ordinal.errors import OrdinalError, nearest

Array = np.ndarray


@dataclass(frozen=True)
class Link:
    """One link function.

    Attributes
    ----------
    name : str
        Name as in R's ``ordinal``.
    end : float
        Finite stand-in for the infinite ends of the scale.
    sd : float
        Standard deviation of the latent distribution (scale of starting values and of the weak penalty);
        for the Cauchy distribution, which has none, half the distance between the 16 % and 84 % points.
    log_concave : bool
        Whether the density is log-concave, so that W = -d2 log p / d eta2 is never negative.
    """

    name: str = ""
    end: float = 40.0
    sd: float = 1.0
    log_concave: bool = True

    def cdf(self, x: Array) -> Array:
        """F(x)."""
        raise NotImplementedError

    def densities(self, x: Array) -> tuple[Array, Array, Array]:
        """f(x), f'(x), f''(x): the first three derivatives of F."""
        raise NotImplementedError

    def interval(self, upper: Array, lower: Array) -> Array:
        """F(upper) - F(lower) without cancellation in either tail."""
        raise NotImplementedError

    def quantile(self, p: Array) -> Array:
        """Inverse of F."""
        raise NotImplementedError


@dataclass(frozen=True)
class Logit(Link):
    """F(x) = 1 / (1 + exp(-x)): proportional odds."""

    name: str = "logit"
    end: float = 1000.0
    sd: float = math.pi / math.sqrt(3.0)

    def cdf(self, x: Array) -> Array:
        """F(x)."""
        return np.asarray(expit(x))

    def densities(self, x: Array) -> tuple[Array, Array, Array]:
        """f, f', f''."""
        up, down = expit(x), expit(-x)
        f = up * down
        g = f * (down - up)
        return f, g, g * (down - up) - 2.0 * f * f

    def interval(self, upper: Array, lower: Array) -> Array:
        """F(upper) - F(lower)."""
        return np.asarray(expit(upper) * expit(-lower) * -np.expm1(lower - upper))

    def quantile(self, p: Array) -> Array:
        """Inverse of F."""
        return np.asarray(np.log(p) - np.log1p(-p))


@dataclass(frozen=True)
class Probit(Link):
    """F = standard normal distribution function."""

    name: str = "probit"
    end: float = 100.0

    def cdf(self, x: Array) -> Array:
        """F(x)."""
        return np.asarray(ndtr(x))

    def densities(self, x: Array) -> tuple[Array, Array, Array]:
        """f, f', f''."""
        f = np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
        return f, -x * f, (x * x - 1.0) * f

    def interval(self, upper: Array, lower: Array) -> Array:
        """F(upper) - F(lower)."""
        # In the upper half the difference of survival functions keeps the digits.
        flip = lower > 0
        hi = np.where(flip, -lower, upper)
        lo = np.where(flip, -upper, lower)
        return np.asarray(ndtr(hi) - ndtr(lo))

    def quantile(self, p: Array) -> Array:
        """Inverse of F."""
        return np.asarray(ndtri(p))


@dataclass(frozen=True)
class Cloglog(Link):
    """F(x) = 1 - exp(-exp(x)): proportional hazards."""

    name: str = "cloglog"
    end: float = 100.0
    sd: float = math.pi / math.sqrt(6.0)

    def cdf(self, x: Array) -> Array:
        """F(x)."""
        return np.asarray(-np.expm1(-np.exp(np.minimum(x, self.end))))

    def densities(self, x: Array) -> tuple[Array, Array, Array]:
        """f, f', f''."""
        t = np.exp(np.minimum(x, self.end))
        f = t * np.exp(-t)
        r = 1.0 - t
        return f, f * r, f * (r * r - t)

    def interval(self, upper: Array, lower: Array) -> Array:
        """F(upper) - F(lower)."""
        hi, lo = np.exp(np.minimum(upper, self.end)), np.exp(np.minimum(lower, self.end))
        return np.asarray(np.exp(-lo) * -np.expm1(lo - hi))

    def quantile(self, p: Array) -> Array:
        """Inverse of F."""
        return np.asarray(np.log(-np.log1p(-p)))


@dataclass(frozen=True)
class Loglog(Link):
    """F(x) = exp(-exp(-x)), the mirror image of `Cloglog`."""

    name: str = "loglog"
    end: float = 100.0
    sd: float = math.pi / math.sqrt(6.0)

    def cdf(self, x: Array) -> Array:
        """F(x)."""
        return np.asarray(np.exp(-np.exp(-np.maximum(x, -self.end))))

    def densities(self, x: Array) -> tuple[Array, Array, Array]:
        """f, f', f''."""
        t = np.exp(-np.maximum(x, -self.end))
        f = t * np.exp(-t)
        r = t - 1.0
        return f, f * r, f * (r * r - t)

    def interval(self, upper: Array, lower: Array) -> Array:
        """F(upper) - F(lower)."""
        hi, lo = np.exp(-np.maximum(lower, -self.end)), np.exp(-np.maximum(upper, -self.end))
        return np.asarray(np.exp(-lo) * -np.expm1(lo - hi))

    def quantile(self, p: Array) -> Array:
        """Inverse of F."""
        return np.asarray(-np.log(-np.log(p)))


@dataclass(frozen=True)
class Cauchit(Link):
    """F = standard Cauchy distribution function: heavy tails, not log-concave.

    `end` is 1e5, where R's ``ordinal`` closes the scale for every link. For this one link 3e-6 of probability
    lies beyond it, which moves a log-likelihood by some 1e-6 relative; we follow R so that fits agree.
    """

    name: str = "cauchit"
    end: float = 1e5
    sd: float = 1.84
    log_concave: bool = False

    def cdf(self, x: Array) -> Array:
        """F(x)."""
        return np.asarray(np.arctan2(1.0, -x) / math.pi)

    def densities(self, x: Array) -> tuple[Array, Array, Array]:
        """f, f', f''."""
        f = 1.0 / (math.pi * (1.0 + x * x))
        return f, -2.0 * math.pi * x * f * f, (6.0 * x * x - 2.0) * math.pi**2 * f**3

    def interval(self, upper: Array, lower: Array) -> Array:
        """F(upper) - F(lower)."""
        return np.asarray(np.arctan2(upper - lower, 1.0 + upper * lower) / math.pi)

    def quantile(self, p: Array) -> Array:
        """Inverse of F."""
        return np.asarray(np.tan(math.pi * (p - 0.5)))


LINKS: dict[str, Link] = {link.name: link for link in (Logit(), Probit(), Cloglog(), Loglog(), Cauchit())}


def get_link(name: str) -> Link:
    """Return the link called `name`.

    Names are those of R's ``clm`` and of the books. R's ``clmm`` with exactly one random term exchanges
    cloglog and loglog (its C code numbers them the other way round; with two terms it does not).

    Raises
    ------
    OrdinalError
        Unknown name; the message has the nearest one.
    """
    if name not in LINKS:
        raise OrdinalError(f"link '{name}' is not one of {', '.join(LINKS)}.{nearest(name, LINKS)}")
    return LINKS[name]
