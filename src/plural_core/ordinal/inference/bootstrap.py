"""Parametric bootstrap: simulate from the fit, fit again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from plural_core.ordinal.errors import InferenceError, OrdinalError, check_level
from plural_core.ordinal.estimate import fit_frame
from plural_core.ordinal.inference.simulate import simulate, with_response

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult


@dataclass(frozen=True)
class BootstrapResult:
    """Estimates of simulated data sets.

    Attributes
    ----------
    estimates : DataFrame, shape (n, parameters)
        One row per replicate: thresholds, coefficients, ``sd(term)``; missing where a replicate did not
        converge or lost a response level, infinite where it separated.
    original : Series
        Estimates of the fit.
    n_failed : int
        Replicates that did not converge.
    seed : int
    """

    estimates: pd.DataFrame
    original: pd.Series
    n_failed: int
    seed: int

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Columns estimate, bias, std_error and percentile interval (ci_low, ci_high), per parameter."""
        usable = self.estimates.replace([np.inf, -np.inf], np.nan)
        tail = (1.0 - check_level(level)) / 2.0
        return pd.DataFrame({
            "estimate": self.original,
            "bias": usable.mean() - self.original,
            "std_error": usable.std(),
            "ci_low": _quantile(self.estimates, tail, "lower"),
            "ci_high": _quantile(self.estimates, 1.0 - tail, "higher"),
            "n_used": self.estimates.notna().sum(),
        })  # fmt: skip


def _quantile(estimates: pd.DataFrame, share: float, outwards: Literal["lower", "higher"]) -> pd.Series:
    """Quantile per column; next to an infinite replicate there is nothing to interpolate, so the outer one."""
    with np.errstate(invalid="ignore"):
        interpolated = estimates.quantile(share)
    return interpolated.fillna(estimates.quantile(share, interpolation=outwards))


def bootstrap(result: CLMMResult, n: int, seed: int) -> BootstrapResult:
    """See `CLMMResult.bootstrap`."""
    if n < 1:
        raise InferenceError(f"bootstrap needs at least one replicate, not {n}")
    rng = np.random.default_rng(seed)
    start = result.parameters
    original = _named(result)
    rows = []
    for y in simulate(result, n, rng, new_random=True):
        frame = with_response(result.frame, y, result.levels)
        same = frame.levels == result.levels
        try:
            again = fit_frame(
                frame, formula=result.formula, link=result.spec.link, threshold=result.threshold,
                n_agq=result.n_agq, penalty=result.penalty, nominal=result.spec.nominal.tolist(),
                start=start if same else None, covariance=False, warn=False,
            )  # fmt: skip
        except (OrdinalError, np.linalg.LinAlgError):
            rows.append(pd.Series(np.nan, index=original.index))
            continue
        values = _named(again)
        rows.append(values.reindex(original.index) if again.converged else original * np.nan)
    estimates = pd.DataFrame(rows).reset_index(drop=True)
    return BootstrapResult(estimates, original, int(estimates.isna().all(axis=1).sum()), seed)


def _named(result: CLMMResult) -> pd.Series:
    parts = [result.thresholds["estimate"], result.coefficients["estimate"]]
    sds = result.random_effects["sd"].rename(index=lambda term: f"sd({term})")
    joined: pd.Series = pd.concat([*(p for p in parts if len(p)), sds])
    return joined.rename("estimate")
