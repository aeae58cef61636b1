"""The joint density of ratings and random effects, and its mode in the random effects.

h(u) = -sum_i w_i log p_i + u'u / 2 with u ~ N(0, I) and linear predictor X beta + sum_k sigma_k Z_k u_k.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.linalg import Factor, NotPositiveDefiniteError, plan_elimination
from plural_core.ordinal.rows import log_probability, row_score

Array = np.ndarray

_TOLERANCE = 1e-12  # on the gradient in u, relative to the largest weight that one effect carries
_GOOD_ENOUGH = 1e-6  # accepted when rounding stops progress
_MAX_STEPS = 200
_REFACTOR = 0.05  # keep the old factor while a step shrinks the gradient at least this much


@dataclass(frozen=True)
class Mode:
    """The conditional mode of the random effects at one value of the parameters.

    `u` (q,), `b` (n,) the summed random effect per rating, `h` the joint objective, `converged`.
    """

    u: Array
    b: Array
    h: float
    converged: bool


class JointDensity:
    """h(u), its Hessian D and its mode, for one model; the design's index patterns are computed once."""

    def __init__(self, arrays: ModelArrays) -> None:
        self.arrays = arrays
        offsets = np.concatenate([[0], np.cumsum(arrays.n_levels)]).astype(np.int64)
        self.size = int(offsets[-1])
        self.blocks = [slice(int(a), int(b)) for a, b in pairwise(offsets)]
        self.nodes = [index + start for index, start in zip(arrays.index, offsets[:-1], strict=True)]
        pairs = [(k, m) for k in range(arrays.n_terms) for m in range(k)]
        empty = np.zeros(0, dtype=np.int64)
        self.plan = plan_elimination(
            self.size,
            np.concatenate([empty, *(self.nodes[k] for k, _ in pairs)]),
            np.concatenate([empty, *(self.nodes[m] for _, m in pairs)]),
        )
        self.cells = {pair: self.plan.slots(self.nodes[pair[0]], self.nodes[pair[1]]) for pair in pairs}
        # Ratings that share a cell (a rater who rates an item twice) add up in one entry of D.
        self._entries = {pair: np.unique(cell, return_inverse=True) for pair, cell in self.cells.items()}
        self.carried = max(
            (float(np.bincount(index, weights=arrays.weights).max()) for index in arrays.index), default=1.0
        )
        self.factor: Factor | None = None

    def spread(self, sigma: Array, u: Array) -> Array:
        """Z Lambda u: the summed random effect of each rating, shape (n,)."""
        total = np.zeros(len(self.arrays.weights))
        for k, node in enumerate(self.nodes):
            total += sigma[k] * u[node]
        return total

    def gather(self, sigma: Array, values: Array) -> Array:
        """Lambda Z' values, shape (q,)."""
        out = np.empty(self.size)
        for k, (index, block) in enumerate(zip(self.arrays.index, self.blocks, strict=True)):
            out[block] = sigma[k] * np.bincount(index, weights=values, minlength=self.arrays.n_levels[k])
        return out

    def factorise(self, sigma: Array, w: Array) -> Factor:
        """Factor D = Lambda Z' diag(w) Z Lambda + I; `w` holds case weight times W."""
        values = np.zeros(self.plan.length)
        for k, (index, block) in enumerate(zip(self.arrays.index, self.blocks, strict=True)):
            curvature = np.bincount(index, weights=w, minlength=self.arrays.n_levels[k])
            values[self.plan.diag[block]] = 1.0 + sigma[k] ** 2 * curvature
        for (k, m), (slots, inverse) in self._entries.items():
            # Two pairs of terms never share a slot, so assignment is enough.
            values[slots] = sigma[k] * sigma[m] * np.bincount(inverse, weights=w, minlength=len(slots))
        return Factor(self.plan, values)

    def _objective(self, a1: Array, a2: Array, u: Array) -> float:
        logp = log_probability(self.arrays.link, a1, a2)
        return float(-(self.arrays.weights @ logp) + 0.5 * (u @ u))

    def find_mode(self, fixed: tuple[Array, Array], sigma: Array, start: Array) -> Mode:
        """Minimise h over u by Newton's method with step halving, from `start`.

        The factor of the previous call serves as long as it makes the gradient shrink quickly; after small
        changes of the parameters that is always. If the observed information is not positive definite (only
        possible for links that are not log-concave), ratings with W < 0 contribute s^2, an unbiased estimate
        of the expected information, which keeps the direction downhill.
        """
        arrays, link, weights = self.arrays, self.arrays.link, self.arrays.weights
        c1, c2 = fixed
        u = start
        b = self.spread(sigma, u)
        h = self._objective(*arrays.close(c1 - b, c2 - b), u)
        if not np.isfinite(h) and np.any(u):
            u = np.zeros(self.size)
            b = np.zeros(len(weights))
            h = self._objective(*arrays.close(c1 - b, c2 - b), u)
        if not np.isfinite(h):
            return Mode(u, b, np.inf, False)
        tolerance = _TOLERANCE * max(1.0, self.carried)
        previous = np.inf
        for _ in range(_MAX_STEPS):
            score = row_score(link, *arrays.close(c1 - b, c2 - b))
            gradient = self.gather(sigma, weights * score.s) + u
            size = float(np.abs(gradient).max())
            at_rounding = size <= 1e4 * tolerance and size > 0.5 * previous
            if size <= tolerance or at_rounding:
                return Mode(u, b, h, True)
            if self.factor is None or size > _REFACTOR * previous:
                self.factor = self._inner_factor(sigma, score.s, score.w)
            previous = size
            step = self.factor.solve(gradient)
            scale, accepted = 1.0, False
            for _ in range(30):
                trial = u - scale * step
                b_trial = self.spread(sigma, trial)
                h_trial = self._objective(*arrays.close(c1 - b_trial, c2 - b_trial), trial)
                if h_trial <= h + 1e-12 * abs(h):
                    accepted = True
                    break
                scale *= 0.5
            if not accepted:
                if size <= _GOOD_ENOUGH * max(1.0, self.carried):
                    return Mode(u, b, h, True)
                if previous < np.inf and self.factor is not None:
                    # A stale factor may point badly; try once more with a fresh one.
                    fresh = self._inner_factor(sigma, score.s, score.w)
                    if np.allclose(fresh.solve(gradient), step, rtol=1e-6):
                        return Mode(u, b, h, False)
                    self.factor = fresh
                    previous = np.inf
                    continue
            if scale < 1.0:
                previous = 0.0  # force a fresh factor after a halved step
            u, b, h = trial, b_trial, h_trial
        return Mode(u, b, h, False)

    def _inner_factor(self, sigma: Array, s: Array, w: Array) -> Factor:
        weights = self.arrays.weights
        try:
            return self.factorise(sigma, weights * w)
        except NotPositiveDefiniteError:
            return self.factorise(sigma, weights * np.where(w > 0.0, w, s * s))
