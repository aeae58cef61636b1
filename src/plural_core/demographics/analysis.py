"""The demographic analysis of a study as one object: fits, tables, notes and findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from plural_core.demographics.effects import effect_rows, effects_table, stars, variance_table, vcov_table
from plural_core.demographics.fit import fit_dimensions, shown_factors
from plural_core.ordinal import CLMMResult
from plural_core.published import published_demographic_effects
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

FEWEST_PER_CELL = 5
"""Fewer ratings of a level by a group leave the test of proportional odds without its chi-square distribution."""
READABLE = {
    "dimension_label": "dimension",
    "label": "contrast",
    "percent_change": "change in odds, %",
    "percent_low": "from",
    "percent_high": "to",
    "p_value": "p",
    "p_holm": "p (Holm)",
    "adjusted": "sure",
}
"""Readers' names for the columns of `percent_rows`."""


@dataclass(frozen=True)
class DemographicAnalysis:
    """The study's models and what follows from them.

    Parameters
    ----------
    fits : dict of str to CLMMResult
        The fit of each dimension.
    factors : dict of str to list of str
        Levels of each factor, the reference level first.
    config : StudyConfig
        The study's config.
    failed : dict of str to str
        Dimensions that cannot be fitted, and why.
    hidden : frozenset of str
        Dimensions whose number of people left out may not be told, as it would count out a few.
    """

    fits: dict[str, CLMMResult]
    factors: dict[str, list[str]]
    config: StudyConfig
    failed: dict[str, str]
    hidden: frozenset[str]

    @cached_property
    def effects(self) -> pd.DataFrame:
        """The ``effects_demographic`` table."""
        return effects_table(self.fits)

    @cached_property
    def vcov(self) -> pd.DataFrame:
        """The ``vcov_demographic`` table."""
        return vcov_table(self.fits)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Effects with factor, level, contrast, and a note where one is not estimable."""
        rows = effect_rows(self.effects, self.factors)
        rows["note"] = [_why(self.fits[str(r.dimension)], str(r.term)) for r in rows.itertuples()]
        return rows

    @cached_property
    def variances(self) -> pd.DataFrame:
        """Standard deviation and share of the latent variance of each random term."""
        return variance_table(self.fits)

    @property
    def data(self) -> pd.DataFrame:
        """What each model rests on: ratings, participants, items, left out, log-likelihood, converged."""
        rows = []
        for dimension, fit in self.fits.items():
            levels = fit.random_effects["n_levels"]
            told = dimension not in self.hidden
            rows.append(
                {
                    "dimension": self.config.dimensions[dimension].label,
                    "ratings": f"{int(fit.n_obs):,}" if told else "not shown",
                    "ratings left out": f"{int(fit.n_dropped):,}" if told else "not shown",
                    "participants": f"{int(levels['participant']):,}" if told else "not shown",
                    "items": int(levels["item"]),
                    "log-likelihood": float(fit.loglik),
                    "converged": bool(fit.converged),
                }
            )
        return pd.DataFrame(rows)

    def marginal_probabilities(self) -> pd.DataFrame:
        """Return the predicted share of ratings that agree in each group, all else equal, with intervals.

        Population-averaged: over everybody's other factors and over the random effects (see
        ``CLMMResult.marginal_probabilities``). One row per dimension, factor and level.
        """
        parts = []
        for dimension, fit in self.fits.items():
            agree = self.config.dimensions[dimension].agree_level
            for factor in self.factors:
                table = fit.marginal_probabilities(factor, level=self.config.agreement.level)
                at = [int(k) >= agree for k in table["at_least"]]
                shown = table[at].drop_duplicates("level")
                parts.append(shown.assign(dimension=dimension))
        columns = ["dimension", "factor", "level", "at_least", "estimate", "std_error", "ci_low", "ci_high"]
        if not parts:
            return pd.DataFrame(columns=columns).astype({"at_least": "int64", **dict.fromkeys(columns[4:], "float64")})
        table = pd.concat(parts, ignore_index=True)
        return table[columns].astype({"level": object, "at_least": "int64"})

    def proportional_odds(self) -> pd.DataFrame:
        """Return the likelihood-ratio test of each factor against threshold-specific effects.

        One row per dimension and factor: lr_stat, df, p_value and a note where the wider model did not converge.
        """
        rows = []
        for dimension, fit in self.fits.items():
            for factor in self.factors:
                values = dict.fromkeys(("lr_stat", "df", "p_value"), np.nan)
                note = ""
                if _fewest(fit, factor) < FEWEST_PER_CELL:
                    note = f"not tested: some group chose a level fewer than {FEWEST_PER_CELL} times"
                else:
                    try:
                        row = fit.proportional_odds_check(factor).to_frame().iloc[0]
                        values = {name: float(row[name]) for name in values}
                        note = "" if bool(row["converged"]) else "the wider model did not converge"
                    except (ValueError, ArithmeticError) as error:
                        note = str(error)
                rows.append({"dimension": dimension, "factor": factor, **values, "note": note})
        columns = ["dimension", "factor", "lr_stat", "df", "p_value", "note"]
        return pd.DataFrame(rows, columns=columns).astype({"lr_stat": float, "df": float, "p_value": float})

    def describe_notes(self) -> str:
        """Return what readers must know about the fits: separation, boundary fits, failed convergence."""
        lines = [f"{self.config.dimensions[name].label}: not fitted, {why}." for name, why in self.failed.items()]
        for dimension, fit in self.fits.items():
            label = self.config.dimensions[dimension].label
            if not fit.converged:
                lines.append(f"{label}: THE FIT DID NOT CONVERGE; do not use its numbers.")
            # How many rows were left out stands in the table above, where it may be told.
            lines += [f"{label}: {message}" for message in fit.messages if "missing" not in message]
        return "\n\n".join(lines) or "Every model converged, with no level that cannot be estimated."

    def reading(self, labels: Mapping[str, str]) -> str:
        """Return the sentence under the forest plot."""
        if not self.fits:
            return "There is nothing to compare."
        n = int((self.rows["p_holm"] < 0.05).sum())
        total = int(self.rows["p_value"].notna().sum())
        where = "in one dimension" if len(labels) == 1 else f"in {len(labels)} dimensions"
        verb = "stands" if n == 1 else "stand"
        return f"{n} of {total} effects {where} {verb} out after Holm's adjustment at 5 %."

    def findings(self, labels: Mapping[str, str], most: int = 8) -> Iterator[dict[str, Any]]:
        """Yield the findings, the surest first (arguments of ``Notebook.finding``)."""
        tested = self.rows[self.rows["p_value"].notna()].sort_values("p_value", kind="stable")
        if tested.empty:
            return
        clear = tested[tested["p_holm"] < 0.05]
        yield {
            "id": "effects_after_adjustment",
            "sentence": self.reading(labels),
            "value": float(len(clear)),
            "n": len(tested),
        }
        for row in tested[tested["p_value"] < 0.05].head(most).to_dict("records"):
            change, reference = row["percent_change"], self.factors[row["factor"]][0]
            sure = "also after adjustment" if row["p_holm"] < 0.05 else "not after adjustment for all effects"
            yield {
                "id": f"effect_{row['dimension']}_{row['term']}".replace(" ", "_"),
                "sentence": (
                    f"{labels[row['dimension']]}: {_group(row['factor'], row['level'])} have {abs(change):.0f} % "
                    f"{'higher' if change > 0 else 'lower'} odds of a higher rating than "
                    f"{_group(row['factor'], reference)}, all else equal (p {_p(row['p_value'])}, {sure})."
                ),
                "value": change,
                "ci_low": float(100 * np.expm1(row["ci_low"])),
                "ci_high": float(100 * np.expm1(row["ci_high"])),
                "n": None if row["dimension"] in self.hidden else int(self.fits[row["dimension"]].n_obs),
            }


def demographic_analysis(
    tables: RatingTables, people: ProtectedParticipants, config: StudyConfig
) -> DemographicAnalysis:
    """Fit the study's model to every dimension.

    Parameters
    ----------
    tables : RatingTables
        The study's tables.
    people : ProtectedParticipants
        Participants with small groups merged; merged levels are what the models compare.
    config : StudyConfig
        The study's config.

    Returns
    -------
    DemographicAnalysis
        Empty, with the reasons in `failed`, where nothing can be compared or fitted.
    """
    fits, failed = fit_dimensions(tables, people, config)
    ids = pd.Index(people.participants["participant_id"])
    hidden = set()
    for dimension, fit in fits.items():
        used = np.zeros(len(ids), dtype=np.int64)
        used[ids.get_indexer(next(g.levels for g in fit.frame.groups if g.term.name == "participant"))] = 1
        if not used.all() and not people.allows(used):
            hidden.add(dimension)
    return DemographicAnalysis(fits, shown_factors(people, config), config, failed, frozenset(hidden))


def percent_rows(rows: pd.DataFrame, labels: Mapping[str, str], published: bool) -> pd.DataFrame:
    """Return the rows of the forest plot: percent change in odds with its interval, published values beside it.

    Parameters
    ----------
    rows : DataFrame
        ``DemographicAnalysis.rows``.
    labels : mapping
        Label of each dimension.
    published : bool
        Whether to add the paper's values where the contrast is the same.
    """
    result = rows[["dimension", "term", "percent_change", "p_value", "p_holm", "note"]].copy()
    result.insert(0, "dimension_label", [labels[d] for d in rows["dimension"]])
    result.insert(3, "label", rows["contrast"])
    result.insert(5, "percent_low", 100 * np.expm1(rows["ci_low"]))
    result.insert(6, "percent_high", 100 * np.expm1(rows["ci_high"]))
    result["adjusted"] = ["" if pd.isna(p) else stars(p) for p in rows["p_holm"]]
    values: dict[tuple[str, str], float] = {}
    if published:
        table = published_demographic_effects()
        keys = zip(table["dimension"], table["term"], strict=True)
        values = dict(zip(keys, table["percent_change"].astype(float), strict=True))
    result["published"] = [values.get(key, np.nan) for key in zip(result["dimension"], result["term"], strict=True)]
    return result


def _fewest(fit: CLMMResult, factor: str) -> int:
    """Return the smallest number of ratings of one level by one group."""
    frame = fit.frame
    counts = pd.crosstab(frame.frame[factor], frame.y)
    return int(counts.to_numpy().min()) if counts.size else 0


def _why(fit: CLMMResult, term: str) -> str:
    return "not estimable" if term in fit.not_estimable else ""


def _group(factor: str, level: str) -> str:
    """Name a group of people in a sentence."""
    plain = {"female": "women", "male": "men", "US": "US participants", "Germany": "German participants"}
    if level in plain:
        return plain[level]
    if factor == "age_band":
        return f"participants aged {level}"
    if factor in ("gender", "political", "ethnicity"):
        return f"{level} participants"
    return f"participants with {factor.replace('_', ' ')} {level}"


def _p(p: float) -> str:
    return "< .001" if p < 0.001 else f"= {p:.3f}"
