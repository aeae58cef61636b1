"""How many raters are needed to see a given change in odds, for the study's own design.

The study's fits give thresholds, standard deviations and effects; the expected information of the design gives each
effect's standard error, and from it power, the number of raters needed, and the smallest change that is seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from plural_core.demographics.fit import fit_dimensions, model_frame, shown_factors, study_formula
from plural_core.demographics.planned import item_pools, planned_design
from plural_core.errors import DataError
from plural_core.ordinal import CLMMResult, OrdinalError, PowerDesign, power
from plural_core.ratings.privacy import NOT_STATED, ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig
from plural_core.study.config import PowerConfig

POWER_COLUMNS = [
    "dimension", "factor", "level", "contrast", "method", "participants", "percent_change",
    "power", "ci_low", "ci_high", "std_error", "n_failed",
]  # fmt: skip


def wald_power(effect: float, std_error: float, alpha: float) -> float:
    """Return the probability that a two-sided Wald test at level `alpha` is significant.

    Parameters
    ----------
    effect : float
        True effect, in log odds.
    std_error : float
        Standard error of its estimate, which is taken as normal.
    alpha : float
        Level of the test.
    """
    ratio, critical = abs(effect) / std_error, float(norm.ppf(1.0 - alpha / 2.0))
    return float(norm.cdf(ratio - critical) + norm.cdf(-ratio - critical))


def wanted_ratio(target: float, alpha: float) -> float:
    """Return the effect, in standard errors, whose Wald test at level `alpha` has power `target`."""
    return float(brentq(lambda ratio: wald_power(ratio, 1.0, alpha) - target, 0.0, 50.0))


@dataclass(frozen=True)
class DimensionDesign:
    """What the power of one dimension rests on.

    Parameters
    ----------
    design : PowerDesign
        The study's own rows, and the truth that its fit suggests.
    factors : dict of str to list of str
        Levels of each factor, the reference level first.
    """

    design: PowerDesign
    factors: dict[str, list[str]]

    @property
    def participants(self) -> int:
        """Number of participants behind the fit."""
        return int(self.design.data["participant"].nunique())

    @cached_property
    def terms(self) -> dict[str, tuple[str, str, str]]:
        """R's name of each effect of the design, and its factor, level and reference level."""
        known = {n + level: (n, level, levels[0]) for n, levels in self.factors.items() for level in levels[1:]}
        return {term: known[term] for term in self.design.effects if term in known}

    def resized(self, participants: int, config: PowerConfig, seed: int) -> PowerDesign:
        """Return the design with another number of participants."""
        rng = np.random.default_rng([seed, participants])
        rows = planned_design(self.design.data, self.factors, participants, config.items, rng)
        # A group of a few people may have nobody in a smaller study: then there is no effect to estimate.
        there = {n + str(level) for n in self.factors for level in rows[n].unique()}
        effects = {term: v for term, v in self.design.effects.items() if term not in self.terms or term in there}
        return replace(self.design, data=rows, effects=effects)

    def errors(self, participants: int, config: PowerConfig, seed: int) -> dict[str, float]:
        """Return the expected standard error of each effect for a number of participants, missing without its group.

        With new items for new raters the information is proportional to their number, and the study's own design
        says it all; with the study's items it is computed for the rows of each planned study.
        """
        if config.items == "more":
            factor = math.sqrt(self.participants / participants)
            return {term: factor * error for term, error in self._own_errors.items()}
        found = _expected_errors(self.resized(participants, config, seed))
        return {term: found.get(term, math.nan) for term in self.terms}

    @cached_property
    def _own_errors(self) -> dict[str, float]:
        return _expected_errors(self.design)


@dataclass(frozen=True)
class PowerAnalysis:
    """Power of the study's design.

    Parameters
    ----------
    designs : dict of str to DimensionDesign
        For each analysed dimension.
    shares : dict of (str, str) to float
        Factor and level to its share of the participants who stated the factor.
    config : StudyConfig
        The study's config.
    """

    designs: dict[str, DimensionDesign]
    shares: dict[tuple[str, str], float]
    config: StudyConfig

    @property
    def settings(self) -> PowerConfig:
        """Section ``power`` of the config."""
        return self.config.power

    @property
    def n_tests(self) -> int:
        """Number of effects in the study's family of tests: all effects in all dimensions."""
        per_dimension = max(len(d.terms) for d in self.designs.values())
        return per_dimension * len(self.config.dimensions)

    @property
    def assumptions(self) -> pd.DataFrame:
        """What the power rests on: people, ratings, items, standard deviations and thresholds of each dimension."""
        rows = []
        for name, part in self.designs.items():
            data = part.design.data
            rows.append(
                {
                    "dimension": self.config.dimensions[name].label,
                    "raters": part.participants,
                    "ratings each": len(data) / part.participants,
                    "raters per item": len(data) / data["item"].nunique(),
                    "rater SD": part.design.sds["participant"],
                    "item SD": part.design.sds["item"],
                    "thresholds": ", ".join(f"{t:.2f}" for t in part.design.thresholds).replace("-", "−"),
                    "items apart by": ", ".join(item_pools(data, list(part.factors))) or "nothing",
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def errors(self) -> pd.DataFrame:
        """Expected standard errors: dimension, term, participants, std_error."""
        rows = []
        for name, part in self.designs.items():
            for n in self._grid(part):
                errors = part.errors(n, self.settings, self.config.seed)
                rows += [(name, term, n, errors[term]) for term in part.terms]
        return pd.DataFrame(rows, columns=["dimension", "term", "participants", "std_error"])

    @cached_property
    def power(self) -> pd.DataFrame:
        """The ``power`` table: power of every effect, number of raters and percent change.

        Method ``information`` has no interval; ``simulation`` has the 95 % Wilson interval of its simulated studies
        and counts those without a converged fit (not significant) in `n_failed`.
        """
        rows = []
        for r in self.errors.to_dict("records"):
            for percent in self.settings.percent_changes:
                value = wald_power(math.log1p(percent / 100), r["std_error"], self.settings.alpha)
                found = (value, math.nan, math.nan, r["std_error"], 0)
                rows.append(self._row(r["dimension"], r["term"], "information", r["participants"], percent, found))
        if self.settings.method == "simulation":
            rows += self._simulated()
        table = pd.DataFrame(rows, columns=POWER_COLUMNS)
        return table.astype({"participants": "int64", "n_failed": "int64", "percent_change": float})

    @cached_property
    def needed(self) -> pd.DataFrame:
        """The ``power_needed`` table: raters needed for the wanted power, per effect and percent change.

        Columns participants (at ``power.alpha``) and participants_adjusted (at alpha divided by the number of effects
        in the study, the first step of Holm's procedure); missing where the numbers of raters that were looked at do
        not suffice (with the study's own items only).
        """
        alphas = (self.settings.alpha, self.settings.alpha / self.n_tests)
        ratios = [wanted_ratio(self.settings.target, alpha) for alpha in alphas]
        rows = []
        for (dimension, term), part in self.errors.groupby(["dimension", "term"], sort=False):
            factor, level, reference = self.designs[str(dimension)].terms[str(term)]
            for percent in self.settings.percent_changes:
                effect = abs(math.log1p(percent / 100))
                numbers = [self._raters_for(part, effect / ratio) for ratio in ratios]
                rows.append((dimension, factor, level, reference, float(percent), *numbers))
        columns = [
            "dimension", "factor", "level", "reference", "percent_change", "participants", "participants_adjusted",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def detectable(self) -> pd.DataFrame:
        """The ``detectable_changes`` table: the smallest changes that the study itself sees.

        Per effect: share of raters in the level, expected standard error, and the rise and fall in odds (percent)
        seen with the wanted power at ``power.alpha``.
        """
        ratio = wanted_ratio(self.settings.target, self.settings.alpha)
        rows = []
        for dimension, part in self.designs.items():
            own = self.errors[
                (self.errors["dimension"] == dimension) & (self.errors["participants"] == part.participants)
            ].set_index("term")["std_error"]
            for term, (factor, level, reference) in part.terms.items():
                error = float(own[term])
                up, down = 100 * math.expm1(ratio * error), 100 * math.expm1(-ratio * error)
                rows.append(
                    (
                        dimension,
                        factor,
                        level,
                        reference,
                        part.participants,
                        self.shares[factor, level],
                        error,
                        up,
                        down,
                    )
                )
        columns = [
            "dimension", "factor", "level", "reference", "participants", "share", "std_error", "rise", "fall",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def _grid(self, part: DimensionDesign) -> list[int]:
        return sorted({*self.settings.participants, part.participants})

    def _row(
        self, dimension: str, term: str, method: str, n: int, percent: float, found: tuple[float, ...]
    ) -> tuple[Any, ...]:
        factor, level, reference = self.designs[dimension].terms[term]
        return (dimension, factor, level, f"{level} vs {reference}", method, n, percent, *found)

    def _simulated(self) -> list[tuple[Any, ...]]:
        rows = []
        for number, (name, part) in enumerate(self.designs.items()):
            for n in self._grid(part):
                design = part.resized(n, self.settings, self.config.seed)
                for at, percent in enumerate(self.settings.percent_changes):
                    # All effects at once, up and down in turn, so that ratings on average stay where they are.
                    size = math.log1p(percent / 100)
                    effects = {term: size * (-1) ** k for k, term in enumerate(design.effects) if term in part.terms}
                    seed = int(np.random.SeedSequence([self.config.seed, number, n, at]).generate_state(1)[0])
                    result = _power(design, effects, self.settings.alpha, "simulation", self.settings.n_sim, seed)
                    for term, r in result.table.iterrows():
                        found = (r["power"], r["mc_low"], r["mc_high"], r["std_error"], result.n_failed)
                        rows.append(self._row(name, str(term), "simulation", n, percent, found))
        return rows

    def _raters_for(self, errors: pd.DataFrame, wanted: float) -> float:
        """Return how many raters bring the standard error down to `wanted`."""
        n, error = errors["participants"].to_numpy(dtype=float), errors["std_error"].to_numpy(dtype=float)
        if self.settings.items == "more":
            return float(math.ceil(n[0] * (error[0] / wanted) ** 2))
        lowest = np.minimum.accumulate(np.where(np.isnan(error), math.inf, error))
        if lowest[-1] > wanted:
            return math.nan
        n, lowest = n[np.isfinite(lowest)], lowest[np.isfinite(lowest)]
        # Standard errors fall about as a power of the number of raters between two points of the grid.
        return float(math.ceil(np.exp(np.interp(-math.log(wanted), -np.log(lowest), np.log(n)))))


def power_analysis(tables: RatingTables, people: ProtectedParticipants, config: StudyConfig) -> PowerAnalysis:
    """Fit the study's model and return the power of its design.

    Parameters
    ----------
    tables : RatingTables
        The study's tables.
    people : ProtectedParticipants
        Participants with small groups merged: the levels that power is computed for.
    config : StudyConfig
        The study's config; section ``power`` says what is looked at.

    Raises
    ------
    DataError
        No factor has two levels, a dimension cannot be fitted, or its design cannot tell its effects apart.
    """
    names = config.power.dimensions or list(config.dimensions)
    chosen = config.model_copy(update={"dimensions": {name: config.dimensions[name] for name in names}})
    fits, failed = fit_dimensions(tables, people, chosen)
    if not fits:
        raise DataError(f"no power to compute: {next(iter(failed.values()))}")
    designs = {}
    for name, fit in fits.items():
        frame, factors = model_frame(tables, people, config, name)
        designs[name] = DimensionDesign(study_design(fit, frame, factors, name), factors)
    shares = {
        (name, str(level)): float(share)
        for name in shown_factors(people, config)
        for level, share in people.participants[name][lambda v: v != NOT_STATED].value_counts(normalize=True).items()
    }
    return PowerAnalysis(designs, shares, config)


def study_design(fit: CLMMResult, frame: pd.DataFrame, factors: Mapping[str, list[str]], dimension: str) -> PowerDesign:
    """Return the study's own design with its fit as the truth; effects that are not estimable are set to none.

    Raises
    ------
    DataError
        A threshold is not estimable.
    """
    rows = frame.drop(columns="rating").dropna().reset_index(drop=True)
    cuts = [float(v) for v in fit.thresholds["estimate"]]
    if not all(math.isfinite(c) for c in cuts):
        raise DataError(f"dimension '{dimension}': a threshold is not estimable, so there is no power to compute")
    known = fit.coefficients["estimate"].astype(float).drop(list(fit.dropped_columns), errors="ignore")
    effects = {str(t): float(v) if math.isfinite(v) and t not in fit.not_estimable else 0.0 for t, v in known.items()}
    sds = {str(term): float(sd) for term, sd in fit.random_effects["sd"].items()}
    return PowerDesign(study_formula(list(factors)), rows, cuts, sds, effects)


def _expected_errors(design: PowerDesign) -> dict[str, float]:
    table = _power(design, design.effects, 0.05, "information").table
    return {str(term): float(error) for term, error in table["std_error"].items()}


def _power(
    design: PowerDesign, effects: Mapping[str, float], alpha: float, method: str, n_sim: int = 1, seed: int = 0
) -> Any:
    try:
        return power(design, effects, n_sim, alpha=alpha, seed=seed, method=method)
    except (OrdinalError, np.linalg.LinAlgError) as error:
        n = design.data["participant"].nunique()
        raise DataError(f"no power for {n} raters: {error}") from error
