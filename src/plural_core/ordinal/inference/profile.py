"""Profile likelihood: curves and the intervals that they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from scipy.stats import norm

from plural_core.ordinal.errors import InferenceError, listing, nearest
from plural_core.ordinal.laplace import Evaluation
from plural_core.ordinal.optimise import maximise, positive_inverse
from plural_core.ordinal.solve import Likelihood, make_likelihood

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult

Array = np.ndarray

_STEP = 0.6  # distance of the curve's points, in standard errors
_MAX_POINTS = 14  # on each side


@dataclass(frozen=True)
class ProfileResult:
    """Profile likelihood of some parameters.

    Attributes
    ----------
    intervals : DataFrame
        Indexed by parameter; columns estimate, ci_low, ci_high. An end is infinite where the likelihood
        never falls far enough, and zero for a standard deviation whose profile reaches zero first.
    curves : DataFrame
        Columns parameter, value, signed_root (of the likelihood-ratio statistic), loglik.
    level : float
        Coverage.
    """

    intervals: pd.DataFrame
    curves: pd.DataFrame
    level: float

    def to_frame(self) -> pd.DataFrame:
        """The intervals."""
        return self.intervals


def wald_intervals(result: CLMMResult, parm: Sequence[str] | None, level: float) -> pd.DataFrame:
    """Estimate plus and minus standard errors; for a standard deviation on the log scale."""
    quantile = norm.ppf(0.5 + level / 2.0)
    names, positions = _parameters(result, parm)
    table = result.to_frame()["estimate"]
    p = len(result.spec.names)
    rows = []
    for name, position in zip(names, positions, strict=True):
        estimate = float(table.loc[name])
        error = float(np.sqrt(result.covariance[position, position]))
        if name in result.not_estimable:
            low, high = -np.inf, np.inf
        elif position >= p:
            boundary = estimate == 0.0
            spread = 0.0 if boundary else quantile * error / estimate
            low = estimate * float(np.exp(-spread))
            high = float("nan") if boundary else estimate * float(np.exp(spread))
        else:
            low, high = estimate - quantile * error, estimate + quantile * error
        rows.append((estimate, low, high))
    return pd.DataFrame(rows, index=pd.Index(names, name="term"), columns=["estimate", "ci_low", "ci_high"])


def profile(result: CLMMResult, parm: Sequence[str] | None, level: float) -> ProfileResult:
    """See `CLMMResult.profile`."""
    if result.penalty is not None:
        raise InferenceError("penalised fits have no profile likelihood; refit with penalty=None")
    names, positions = _parameters(result, parm)
    engine = _Profiler(result)
    table = result.to_frame()["estimate"]
    target = float(norm.ppf(0.5 + level / 2.0))
    rows, curves = [], []
    for name, position in zip(names, positions, strict=True):
        if name in result.not_estimable:
            rows.append((float(table.loc[name]), -np.inf, np.inf))
            continue
        values, roots = engine.curve(position, target)
        low, high = _end(values, roots, -target), _end(values, roots, target)
        if position >= len(result.spec.names):
            low = 0.0 if np.isinf(low) else low
        rows.append((float(table.loc[name]), low, high))
        curves.append(
            pd.DataFrame({
                "parameter": name, "value": values, "signed_root": roots,
                "loglik": result.loglik - 0.5 * roots**2,
            })
        )  # fmt: skip
    intervals = pd.DataFrame(rows, index=pd.Index(names, name="term"), columns=["estimate", "ci_low", "ci_high"])
    empty = pd.DataFrame(columns=["parameter", "value", "signed_root", "loglik"])
    return ProfileResult(intervals, pd.concat(curves, ignore_index=True) if curves else empty, level)


def _parameters(result: CLMMResult, parm: Sequence[str] | str | None) -> tuple[list[str], list[int]]:
    """Names and positions in (gamma, sigma)."""
    every = [*result.spec.names, *(f"sd({t})" for t in result.random_effects.index)]
    wanted = every if parm is None else [parm] if isinstance(parm, str) else list(parm)
    for name in wanted:
        if name not in every:
            raise InferenceError(f"'{name}' is not a parameter ({listing(every)}).{nearest(name, every)}")
    return wanted, [every.index(name) for name in wanted]


def _end(values: Array, roots: Array, at: float) -> float:
    """Where the curve reaches a signed root, by monotone interpolation of the value over the root."""
    order = np.argsort(roots)
    r, v = roots[order], values[order]
    keep = np.concatenate([[True], np.diff(r) > 1e-9])
    r, v = r[keep], v[keep]
    if at < r[0] - 1e-9 or at > r[-1] + 1e-9 or len(r) < 2:
        return float(np.sign(at) * np.inf)
    return float(PchipInterpolator(r, v)(np.clip(at, r[0], r[-1])))


class _Profiler:
    """Maximises the likelihood with one parameter held fixed."""

    def __init__(self, result: CLMMResult) -> None:
        if result.solution.covariance is None:
            raise InferenceError("this fit has no covariance matrix (not converged), so nothing to profile around")
        self.result = result
        self.likelihood: Likelihood = make_likelihood(result.fitted, result.n_agq)
        self.psi = result.solution.psi
        self.p = len(result.kept)
        self.best = result.loglik
        covariance = result.solution.covariance.copy()
        # A standard deviation at zero has no curvature of its own; give it a modest scale.
        for k in np.flatnonzero(result.solution.boundary):
            covariance[self.p + k, self.p + k] = (0.1 * result.spec.link.sd) ** 2
        self.covariance = covariance
        self.precision = np.linalg.inv(covariance)

    def curve(self, position: int, target: float) -> tuple[Array, Array]:
        """Values and signed roots, from beyond -target to beyond +target where that exists."""
        n_names = len(self.result.spec.names)
        if position < n_names:
            place = int(np.flatnonzero(self.result.kept == position)[0])
        else:
            place = self.p + position - n_names
        centre, step = self.psi[place], _STEP * np.sqrt(self.covariance[place, place])
        values, roots = [centre], [0.0]
        for direction in (-1.0, 1.0):
            psi = self.psi.copy()
            for count in range(1, _MAX_POINTS + 1):
                value = centre + direction * count * step
                last = place >= self.p and value <= 0.0
                value = 0.0 if last else value
                found = self._constrained(place, value, psi)
                if found is None:
                    break
                psi, loglik = found
                root = direction * float(np.sqrt(max(2.0 * (self.best - loglik), 0.0)))
                values.append(value)
                roots.append(root)
                if abs(root) > target + 0.1 or last:
                    break
            self._refine(place, direction * target, values, roots, psi)
        order = np.argsort(values)
        return np.array(values)[order], np.array(roots)[order]

    def _refine(self, place: int, at: float, values: list[float], roots: list[float], psi: Array) -> None:
        """One more point where the interval ends, so that interpolation hardly matters."""
        end = _end(np.array(values), np.array(roots), at)
        if not np.isfinite(end) or min(abs(end - v) for v in values) == 0.0:
            return
        found = self._constrained(place, end, psi)
        if found is not None:
            values.append(end)
            roots.append(float(np.sign(at)) * float(np.sqrt(max(2.0 * (self.best - found[1]), 0.0))))

    def _constrained(self, place: int, value: float, psi: Array) -> tuple[Array, float] | None:
        free = np.arange(len(psi)) != place
        metric = positive_inverse(self.precision[np.ix_(free, free)])
        # First guess: the conditional mean of the others in the normal approximation.
        start = psi.copy()
        start[free] += self.covariance[free, place] / self.covariance[place, place] * (value - psi[place])
        start[place] = value

        def objective(part: Array) -> Evaluation | None:
            whole = start.copy()
            whole[free] = part
            e = self.likelihood.evaluate(whole)
            return None if e is None else Evaluation(e.objective, e.loglik, e.gradient[free], e.u)

        optimum = maximise(objective, start[free], metric)
        if optimum is None:
            fallback = psi.copy()
            fallback[place] = value
            optimum = maximise(objective, fallback[free], metric)
        if optimum is None:
            return None
        out = start.copy()
        out[free] = optimum.psi
        return out, optimum.evaluation.loglik
