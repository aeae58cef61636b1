"""The questions that one can ask a fitted model: thin methods, each answered in a module of `inference`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from plural_core.ordinal.errors import InferenceError, check_level

if TYPE_CHECKING:
    from plural_core.ordinal.inference.bootstrap import BootstrapResult
    from plural_core.ordinal.inference.power import PowerResult
    from plural_core.ordinal.inference.profile import ProfileResult
    from plural_core.ordinal.inference.proportional_odds import ProportionalOddsCheck
    from plural_core.ordinal.result import CLMMResult


class Questions:
    """Methods of `CLMMResult` beyond its tables."""

    @property
    def _fit(self) -> CLMMResult:
        return cast("CLMMResult", self)

    def predict(
        self,
        newdata: pd.DataFrame | None = None,
        kind: str = "probability",
        random: str = "conditional",
        *,
        std_error: bool = False,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Predict for new rows (default: the rows of the fit).

        Parameters
        ----------
        newdata : DataFrame, optional
            Covariates, and grouping columns if `random` is "conditional". A group that the fit has not seen
            gets a random effect of zero, with its full variance in the standard error.
        kind : {"probability", "class", "linear"}
            Probability of each level, most probable level, or latent location.
        random : {"conditional", "marginal", "zero"}
            Use the groups' conditional modes; integrate over new groups; or set random effects to zero.
        std_error : bool
            For probabilities: return two-level columns ("estimate" | "std_error", level) instead of plain
            probabilities. Standard errors are by the delta method in all parameters; those of conditional
            predictions include the modes' own uncertainty.
        level : float
            Coverage of the interval of "linear".

        Returns
        -------
        DataFrame
            probability: (n, J), one column per response level. class: columns class, probability. linear:
            estimate, std_error, ci_low, ci_high (and random_sd if marginal). Standard errors are missing in
            rows with a level that is not estimable.
        """
        from plural_core.ordinal.inference.predict import predict

        return predict(self._fit, newdata, kind, random, std_error=std_error, level=check_level(level))

    def marginal_probabilities(self, factor: str, *, level: float = 0.95) -> pd.DataFrame:
        """Population-averaged P(rating >= k) for each level of a factor.

        Everybody in the sample is given the level, random effects are integrated out. Delta-method errors,
        intervals on the logit scale.

        Returns
        -------
        DataFrame
            Columns factor, level, at_least (k, from the second response level on), estimate, std_error,
            ci_low, ci_high.
        """
        from plural_core.ordinal.inference.marginal import marginal_probabilities

        return marginal_probabilities(self._fit, factor, check_level(level))

    def average_marginal_effects(self, factor: str, *, level: float = 0.95) -> pd.DataFrame:
        """Differences of `marginal_probabilities` from the reference level; slopes for a numeric column.

        Returns
        -------
        DataFrame
            Columns factor, contrast, at_least, estimate, std_error, z, p_value, ci_low, ci_high.
        """
        from plural_core.ordinal.inference.marginal import average_marginal_effects

        return average_marginal_effects(self._fit, factor, check_level(level))

    def contrast(self, factor: str, a: Any = None, b: Any = None, *, level: float = 0.95) -> pd.DataFrame:
        """Difference of two levels of a factor, `a` minus `b`, from `vcov`; all pairs if neither is given.

        Returns
        -------
        DataFrame
            Indexed ``"a - b"``, columns as `coefficients`.
        """
        from plural_core.ordinal.inference.contrast import contrast

        return contrast(self._fit, factor, a, b, check_level(level))

    def confint(
        self, parm: str | Sequence[str] | None = None, *, method: str = "wald", level: float = 0.95
    ) -> pd.DataFrame:
        """Confidence intervals of thresholds, coefficients and standard deviations (``sd(term)``).

        Parameters
        ----------
        parm : str or sequence of str, optional
            Some parameters only.
        method : {"wald", "profile"}
            Wald intervals of standard deviations are made on the log scale. The curves behind profile
            intervals come from `profile`.

        Returns
        -------
        DataFrame
            Indexed by parameter; columns estimate, ci_low, ci_high.
        """
        from plural_core.ordinal.inference.profile import profile, wald_intervals

        names = [parm] if isinstance(parm, str) else parm
        check_level(level)
        if method == "wald":
            return wald_intervals(self._fit, names, level)
        if method == "profile":
            return profile(self._fit, names, level).intervals
        raise InferenceError(f"method must be 'wald' or 'profile', not '{method}'")

    def profile(self, parm: str | Sequence[str] | None = None, *, level: float = 0.95) -> ProfileResult:
        """Profile-likelihood curves and intervals; see `ProfileResult`."""
        from plural_core.ordinal.inference.profile import profile

        return profile(self._fit, [parm] if isinstance(parm, str) else parm, check_level(level))

    def compare(self, *others: CLMMResult) -> pd.DataFrame:
        """Likelihood-ratio tests against other fits, see `plural_core.ordinal.compare`."""
        from plural_core.ordinal.inference.compare import compare

        return compare(self._fit, *others)

    def proportional_odds_check(self, factor: str | Sequence[str] | None = None) -> ProportionalOddsCheck:
        """Likelihood-ratio test of each factor against threshold-specific effects, random effects kept.

        Parameters
        ----------
        factor : str or sequence of str, optional
            Data columns; all of the fixed part if left out. Each is tested on its own.
        """
        from plural_core.ordinal.inference.proportional_odds import proportional_odds_check

        return proportional_odds_check(self._fit, factor)

    def simulate(self, n: int = 1, seed: int = 0, *, new_random: bool = True) -> pd.DataFrame:
        """Simulate `n` responses per row of the fit.

        Parameters
        ----------
        new_random : bool
            Draw random effects anew (else: the conditional modes).

        Returns
        -------
        DataFrame, shape (rows, n)
            Response levels, columns sim_1 and so on.
        """
        from plural_core.ordinal.inference.simulate import simulate

        if n < 1:
            raise InferenceError(f"simulate needs at least one replicate, not {n}")
        codes = simulate(self._fit, n, np.random.default_rng(seed), new_random=new_random)
        levels = np.array(self._fit.levels, dtype=object)
        columns = {f"sim_{k + 1}": levels[y] for k, y in enumerate(codes)}
        return pd.DataFrame(columns, index=self._fit.frame.index).infer_objects()

    def bootstrap(self, n: int = 200, seed: int = 0) -> BootstrapResult:
        """Parametric bootstrap with `n` replicates; see `BootstrapResult`."""
        from plural_core.ordinal.inference.bootstrap import bootstrap

        return bootstrap(self._fit, n, seed)

    def power(
        self,
        effects: Mapping[str, float],
        n_sim: int = 100,
        *,
        alpha: float = 0.05,
        seed: int = 0,
        method: str = "simulation",
    ) -> PowerResult:
        """Power of this design, taking the estimates as the truth; see `plural_core.ordinal.power`."""
        from plural_core.ordinal.inference.power import power

        return power(self._fit, effects, n_sim, alpha=alpha, seed=seed, method=method)

    def quantile_residuals(self, seed: int = 0, *, random: str = "conditional") -> pd.Series:
        """Randomised quantile residuals, standard normal if the model is right.

        Parameters
        ----------
        random : {"conditional", "marginal", "zero"}
            What is done with the random effects. Conditional residuals are a little too small, since the
            modes were estimated from the same ratings; marginal ones are correlated within groups.
        """
        from plural_core.ordinal.inference.residuals import quantile_residuals

        return quantile_residuals(self._fit, seed, random)

    def summary(self) -> str:
        """Text like R's ``summary(clmm)``."""
        from plural_core.ordinal.summary import summarise

        return summarise(self._fit)

    def describe(self, level: float = 0.95) -> str:
        """One paragraph in plain words."""
        from plural_core.ordinal.describe import describe

        return describe(self._fit, check_level(level))
