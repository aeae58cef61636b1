"""Whether one effect per factor is enough, or whether it differs from threshold to threshold."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2

from plural_core.ordinal.crossing import unused_between
from plural_core.ordinal.errors import FitWarning, InferenceError
from plural_core.ordinal.estimate import fit_frame
from plural_core.ordinal.inference.marginal import check_factor, covariates

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult


@dataclass(frozen=True)
class ProportionalOddsCheck:
    """Likelihood-ratio tests against threshold-specific effects, random effects kept.

    Attributes
    ----------
    table : DataFrame
        Indexed by factor; columns loglik (of the wider model), lr_stat, df, p_value, converged. Missing, with
        a message and a `FitWarning`, where the wider model does not exist: a level without a rating in some
        category between its lowest and highest, or no estimable effect.
    effects : DataFrame
        Columns factor, term, threshold, estimate, std_error: the effect on the latent scale (sign as in
        `CLMMResult.coefficients`) at each threshold, from the wider model. Equal numbers along a term are
        what the proportional-odds model assumes.
    messages : tuple of str
        Separation in a wider model (a level without ratings on one side of a threshold), and the like.
    """

    table: pd.DataFrame
    effects: pd.DataFrame
    messages: tuple[str, ...]

    def _single(self, column: str) -> float:
        if len(self.table) != 1:
            raise InferenceError(f"{len(self.table)} factors were tested; read .table")
        return float(self.table[column].iloc[0])

    @property
    def lr_stat(self) -> float:
        """Statistic, if one factor was tested."""
        return self._single("lr_stat")

    @property
    def df(self) -> int:
        """Degrees of freedom, if one factor was tested."""
        return int(self._single("df"))

    @property
    def p_value(self) -> float:
        """p-value, if one factor was tested."""
        return self._single("p_value")

    def to_frame(self) -> pd.DataFrame:
        """The table of tests."""
        return self.table


def proportional_odds_check(result: CLMMResult, factor: str | Sequence[str] | None) -> ProportionalOddsCheck:
    """See `CLMMResult.proportional_odds_check`."""
    if result.penalty is not None:
        raise InferenceError("penalised fits have no likelihood-ratio test; refit with penalty=None")
    if len(result.levels) < 3:
        raise InferenceError("with two response levels there is one threshold: odds are proportional by definition")
    if result.spec.nominal.size:
        raise InferenceError("this fit has threshold-specific effects already; check the fit without them")
    factors = covariates(result) if factor is None else [factor] if isinstance(factor, str) else list(factor)
    rows: list[dict[str, object]] = []
    effects: list[pd.DataFrame] = []
    messages: list[str] = []
    for name in factors:
        check_factor(result, name)
        columns = result.frame.columns_of(name)
        estimable = [j for j in columns if result.frame.names[j] not in result.not_estimable]
        why = unused_between(result.frame, columns) if result.threshold == "flexible" else None
        if not estimable:
            why = f"no effect of '{name}' is estimable, so there is nothing to compare"
        if why is not None:
            rows.append({
                "factor": name, "loglik": np.nan, "lr_stat": np.nan, "df": 0, "p_value": np.nan, "converged": False,
            })  # fmt: skip
            messages.append(f"{name}: not tested: {why}")
            warnings.warn(messages[-1], FitWarning, stacklevel=3)
            continue
        wide = fit_frame(
            result.frame, formula=result.formula, link=result.spec.link, threshold=result.threshold,
            n_agq=result.n_agq, nominal=columns, start=_widened(result, columns), warn=False,
        )  # fmt: skip
        # A level that is separated already has no further effects to estimate.
        df = (len(wide.spec.alpha_names) - 1) * len(estimable)
        statistic = max(2.0 * (wide.loglik - result.loglik), 0.0)
        rows.append({
            "factor": name, "loglik": wide.loglik, "lr_stat": statistic, "df": df,
            "p_value": float(chi2.sf(statistic, df)), "converged": wide.converged,
        })  # fmt: skip
        effects.append(_effects(wide, name, columns))
        messages += [f"{name}: {m}" for m in wide.messages if m.startswith(("separation", "thresholds cross"))]
        if not wide.converged:
            messages.append(f"{name}: the model with threshold-specific effects did NOT converge")
    empty = pd.DataFrame(columns=["factor", "term", "threshold", "estimate", "std_error"])
    return ProportionalOddsCheck(
        pd.DataFrame(rows).set_index("factor"),
        pd.concat(effects, ignore_index=True) if effects else empty,
        tuple(messages),
    )


def _widened(result: CLMMResult, columns: list[int]) -> np.ndarray:
    """The fit written as a model with (still equal) threshold-specific effects: the starting point."""
    spec = result.spec
    n_alpha = len(spec.alpha_names)
    values = result.parameters
    beta = dict(zip(spec.beta_names, values[n_alpha : len(spec.names)], strict=True))
    level = np.linalg.lstsq(spec.jacobian, np.ones(len(spec.jacobian)), rcond=None)[0]
    chosen = [result.frame.names[j] for j in columns]
    moved = [-beta[name] * level for name in chosen]
    stay = [beta[name] for name in spec.beta_names if name not in chosen]
    return np.concatenate([values[:n_alpha], *moved, stay, values[len(spec.names) :]])


def _effects(wide: CLMMResult, factor: str, columns: list[int]) -> pd.DataFrame:
    spec = wide.spec
    n_alpha = len(spec.alpha_names)
    estimates = wide.thresholds["estimate"].to_numpy()
    rows = []
    for c, column in enumerate(columns):
        where = n_alpha + c * n_alpha + np.arange(n_alpha)
        lost = ~np.isfinite(estimates[where])
        for j, label in enumerate(spec.threshold_labels):
            weights = -spec.jacobian[j]
            used = weights != 0
            if (lost & used).any():
                value = float(np.sum(weights[lost & used] * estimates[where][lost & used]))
                error = float("nan")
            else:
                value = float(weights[used] @ estimates[where][used])
                block = wide.covariance[np.ix_(where, where)]
                error = float(np.sqrt(weights @ block @ weights))
            rows.append({
                "factor": factor, "term": wide.frame.names[column], "threshold": label, "estimate": value,
                "std_error": error,
            })  # fmt: skip
    return pd.DataFrame(rows)
